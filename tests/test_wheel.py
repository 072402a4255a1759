"""What the wheel installs, and what the sdist carries."""

import ast
import email
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from tests.cli.seen import refusal
from tests.conftest import ROOT
from tests.project import Project

REPOSITORY = "https://github.com/dbkit/dbkit"


def _build(target: str, folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel would install."""
    folder = tmp_path_factory.mktemp("wheel")
    _build("wheel", folder)
    [wheel] = folder.glob("*.whl")
    shutil.unpack_archive(wheel, folder / "installed", "zip")
    return folder / "installed"


def test_the_wheel_carries_the_library_and_no_system(installed: Path) -> None:
    in_wheel = {str(path.relative_to(installed)) for path in (installed / "dbkit").rglob("*.*")}
    in_repository = {path for path in _tracked("dbkit") if not path.startswith("dbkit/systems/")}

    compiled = f"dbkit/runtime/_compiled{sysconfig.get_config_var('EXT_SUFFIX')}"
    assert in_wheel == in_repository | {compiled}
    assert "dbkit/py.typed" in in_wheel
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"dbkit"}


def test_a_wheel_that_nothing_was_compiled_for_is_for_every_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBKIT_COMPILED", "0")

    _build("wheel", tmp_path)

    [wheel] = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]


def test_the_library_imports_what_it_declares_and_no_more(installed: Path) -> None:
    imported = {
        name.partition(".")[0]
        for path in (installed / "dbkit").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported_names(node)
    }
    metadata = _metadata(installed)
    requirements = metadata.get_all("Requires-Dist", [])
    required = {re.split(r"[^\w-]", line)[0] for line in requirements if "extra ==" not in line}

    # yoyo, which is called otherwise than its module; opentelemetry, orjson and uvicorn, which are
    # used where they are installed; pytest, which loads its plugin; no embedded server is imported
    others = imported - sys.stdlib_module_names
    others -= {"dbkit", "opentelemetry", "orjson", "pytest", "uvicorn", "yoyo"}
    assert {name.replace("_", "-") for name in others} | {"yoyo-migrations"} == required
    assert metadata.get_all("Provides-Extra") == [
        "embedded",
        "embedded-16",
        "orjson",
        "otel",
        "serve",
    ]


def test_the_licence_is_installed(installed: Path) -> None:
    [licence] = installed.glob("*.dist-info/licenses/LICENSE")

    assert licence.read_text() == (ROOT / "LICENSE").read_text()
    assert _metadata(installed)["License-Expression"] == "MIT"


def test_the_python_versions_it_names_begin_with_the_lowest_it_takes(installed: Path) -> None:
    metadata = _metadata(installed)

    named = re.findall(
        r"Python :: (3\.\d+)$", "\n".join(metadata.get_all("Classifier", [])), re.MULTILINE
    )
    assert metadata["Requires-Python"] == f">={named[0]}"
    assert named == [f"3.{11 + index}" for index in range(len(named))]


def test_every_link_of_the_description_works_away_from_the_repository(installed: Path) -> None:
    metadata = _metadata(installed)
    description = metadata.get_payload()
    urls = [line.partition(", ")[2] for line in metadata.get_all("Project-URL", [])]

    assert isinstance(description, str)
    assert len(urls) == 4
    links = [*_links(description), *urls]
    assert len(links) > len(urls)
    assert [link for link in links if not _leads_somewhere(link, description)] == []


def test_the_sdist_carries_all_of_the_repository(tmp_path: Path) -> None:
    _build("sdist", tmp_path)

    [sdist] = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        carried = {name.partition("/")[2] for name in archive.getnames()}
    assert _tracked() <= carried


def test_an_installed_dbkit_refuses_to_work_outside_a_project(
    installed: Path, tmp_path: Path
) -> None:
    ran = _run_installed(installed, tmp_path, "migrate")

    assert refusal(ran, 64) == (
        f"no pyproject.toml in {tmp_path} or above has a [tool.dbkit] table; "
        "begin a project here with: dbkit init; or name the folder or the package of one with "
        "--project or DBKIT_PROJECT"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_installed_dbkit_migrates_a_project(installed: Path, project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    ran = _run_installed(installed, project.root, "migrate", "shop", "--url", project.url)

    assert ran.returncode == 0
    assert project.rows("select count(*) from orders") == [(0,)]


def _metadata(installed: Path) -> Message:
    [path] = installed.glob("*.dist-info/METADATA")
    return email.message_from_string(path.read_text())


def _links(text: str) -> list[str]:
    words = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    defined = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", words, re.MULTILINE))
    used = re.findall(r"\]\[([^\]]+)\]", words)
    assert set(used) == set(defined)
    return [*defined.values(), *re.findall(r"\]\(([^)\s]+)", words)]


def _leads_somewhere(link: str, description: str) -> bool:
    """Whether a link is a heading, a file of the repository that is there, or another site's."""
    path, _, heading = link.partition("#")
    if not path:
        return heading in _headings(description)
    file = re.fullmatch(rf"{re.escape(REPOSITORY)}/(?:blob|tree)/main/(.+)", path)
    if file is None:
        return path.startswith("https://")
    here = ROOT / file[1]
    return here.exists() and (not heading or heading in _headings(here.read_text()))


def _headings(text: str) -> set[str]:
    headings: list[str] = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def _imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def _tracked(folder: str = ".") -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {path for path in listed.stdout.splitlines() if (ROOT / path).exists()}


def _run_installed(
    installed: Path, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    packages = (str(installed), sysconfig.get_path("purelib"))
    return subprocess.run(
        # -S: without the link to the checkout that an editable installation is
        [sys.executable, "-S", "-m", "dbkit", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(packages)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
