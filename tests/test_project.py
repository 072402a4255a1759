"""A program finds a project's databases as the command line does."""

import subprocess
import sys

import pytest

from dbkit.projects import Project
from dbkit.settings import UnknownSystem, load_settings
from tests import project as strangers


@pytest.fixture
def found(project: strangers.Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A stranger's project with the systems shop and blog, found from a folder within it."""
    pyproject = project.root / "pyproject.toml"
    pyproject.write_text(f"{pyproject.read_text()}[tool.dbkit.systems.blog]\n")
    monkeypatch.chdir(project.root / "sql" / "shop")
    return Project()


def test_a_project_is_found_from_a_folder_within_it(
    found: Project, project: strangers.Project
) -> None:
    assert found.settings == load_settings(project.root)


def test_systems_are_named_once_or_all(found: Project) -> None:
    named = found.systems(["blog", "shop", "blog"])
    every = found.systems()

    assert [system.name for system in named] == ["blog", "shop"]
    assert [system.name for system in every] == ["shop", "blog"]


def test_an_unknown_system_is_refused(found: Project) -> None:
    with pytest.raises(UnknownSystem, match="did you mean 'shop'"):
        found.system("shpo")


def test_a_url_of_the_environment_is_connected_to(
    found: Project, project: strangers.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", project.url)

    database = found.database(found.system("shop"))
    with database.connect() as connection:
        [(name,)] = connection.execute("select current_database()").fetchall()

    assert database.origin == "$SHOP_DATABASE_URL"
    assert f"/{name}?" in project.url
    assert connection.closed


def test_a_url_that_is_given_comes_before_the_environment_s(
    found: Project, project: strangers.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", "postgresql://nobody@nowhere/nothing")

    database = found.database(found.system("shop"), project.url)

    assert (database.url, database.origin) == (project.url, "--url")
    assert database.exists()


def test_a_database_of_the_embedded_server_exists_once_it_is_created(
    on_the_embedded_server: strangers.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(on_the_embedded_server.root)
    monkeypatch.delenv("SHOP_DATABASE_URL", raising=False)
    steps: list[str] = []
    embedded = Project(show_step=steps.append)

    database = embedded.database(embedded.system("shop"))
    before = database.exists()
    with database.hold():
        held = database.exists()

    assert (before, held) == (False, True)
    assert steps


def test_a_program_that_finds_a_project_loads_no_command_line() -> None:
    program = "import sys; import dbkit.projects; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert {"click", "dbkit.server", "dbkit.migrations"}.isdisjoint(done.stdout.split())
