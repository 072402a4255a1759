"""The shell completes systems, queries and parameters, quickly and without a word of its own."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from dbkit.cli.app import cli
from dbkit.cli.completing import COMPLETED
from tests.plain import plain_environment

_COMMON = "-- The orders of a customer.\n-- sort: id, note\n-- :many\n"
_QUERY = f"""{_COMMON}\\if :{{?max_orders}} \\else \\set max_orders 20 \\endif
select id from orders where customer = :'customer' order by :"sort" limit :'max_orders';
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two systems, one of them with queries, and without a server."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.dbkit.systems.shop]\n[tool.dbkit.systems.blog]\n"
    )
    folder = tmp_path / "sql" / "shop" / "orders"
    folder.mkdir(parents=True)
    (folder / "list_of.sql").write_text(_QUERY)
    (folder / "find.sql").write_text("-- :one\nselect 1 where 2 = :'id';\n")
    (folder / "broken.sql").write_text("select 'never closed\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def proposed(*words: str) -> list[str]:
    *before, incomplete = words
    completion = ShellComplete(cli, {}, "dbkit", "_DBKIT_COMPLETE")
    return [item.value for item in completion.get_completions(before, incomplete)]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("line", "proposals"),
    [
        ("rol", ["rollback"]),
        ("import-", ["import-queries", "import-sqlite"]),
        ("rollback ", ["shop", "blog"]),
        ("migrate shop ", ["blog"]),
        ("status --json b", ["blog"]),
        ("psql s", ["shop"]),
        ("check b", ["blog"]),
        ("call shop ", ["orders.find", "orders.list_of"]),
        ("call --json shop orders.l", ["orders.list_of"]),
        ("show shop orders.f", ["orders.find"]),
        ("show blog ", []),
        ("call nothing ", []),
        ("call shop orders.nothing ", []),
        ("call shop orders.find ", ["id="]),
        ("call shop orders.list_of ", ["sort=id", "sort=note", "customer=", "max_orders="]),
        ("call shop orders.list_of customer=Ada so", ["sort=id", "sort=note"]),
        ("call shop orders.list_of customer=Ada sort=id ", ["max_orders="]),
        # as bash cuts the words
        ("call shop orders.list_of customer = Ada m", ["max_orders="]),
        ("call shop orders.list_of customer = ", []),
        ("call shop orders.list_of sort = n", ["note"]),
        ("url shop --r", ["--role"]),
        ("nothing ", []),
    ],
)
def test_what_fits_is_proposed(line: str, proposals: list[str]) -> None:
    assert proposed(*line.split(" ")) == proposals


def test_the_commands_without_modules_have_the_arguments_that_they_have_with_them() -> None:
    known = {metavar for metavars in COMPLETED.values() for metavar in metavars}
    arguments: dict[str, list[str]] = {}
    with click.Context(cli) as context:
        for name in cli.list_commands(context):
            command = cli.get_command(context, name)
            found = command.params if command else []
            metavars = [str(p.metavar) for p in found if isinstance(p, click.Argument)]
            if metavars and known.issuperset(metavars):
                arguments[name] = metavars

    assert arguments == COMPLETED


def _asked(folder: Path, words: str) -> subprocess.CompletedProcess[str]:
    """Ask as bash does, and have each import told."""
    environment = {
        "_DBKIT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "dbkit"],
        cwd=folder,
        env={**plain_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_proposal_loads_no_driver(shop: Path) -> None:
    asked = _asked(shop, "dbkit call shop orders.list_of c")

    loaded = {line.rpartition("|")[2].strip() for line in asked.stderr.splitlines()}
    assert (asked.returncode, asked.stdout) == (0, "plain,customer=\n")
    assert "dbkit.queryfiles" in loaded
    assert loaded.isdisjoint({"psycopg", "dbkit.cli.call", "dbkit.projects", "dbkit.server"})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (None, "dbkit call "),
        ("[tool.dbkit", "dbkit psql "),
        ("[tool.dbkit.systems.shop]\nno = 1\n", "dbkit nothing there "),
    ],
)
def test_without_a_usable_project_nothing_is_printed(
    tmp_path: Path, settings: str | None, words: str
) -> None:
    if settings is not None:
        (tmp_path / "pyproject.toml").write_text(settings)

    asked = _asked(tmp_path, words)

    errors = [line for line in asked.stderr.splitlines() if not line.startswith("import time:")]
    assert (asked.stdout.strip(), errors) == ("", [])


_TYPED = """
eval "$(_DBKIT_COMPLETE=bash_source dbkit)"
compopt() { echo compopt "$@"; }
COMP_WORDS=(dbkit call shop orders.list_of c) COMP_CWORD=4
_dbkit_completion dbkit
echo "${COMPREPLY[@]}"
"""


def test_bash_itself_gets_the_proposals_and_writes_no_space_behind_them(shop: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    typed = subprocess.run(
        ["bash", "--norc", "-c", _TYPED],
        cwd=shop,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (typed.stdout, typed.stderr) == ("compopt -o nospace\ncustomer=\n", "")
