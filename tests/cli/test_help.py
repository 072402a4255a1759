"""Every command can be found, and a mistyped one is told what was probably meant."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dbkit import __version__
from dbkit.cli.app import cli
from dbkit.errors import NoProject
from tests.cli.seen import refusal
from tests.plain import plain_environment
from tests.project import Project

README = (Path(__file__).parents[2] / "README.md").read_text()


def _commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            yield (*path, name)
            if isinstance(command, click.Group):
                yield from _commands(command, *path, name)


COMMANDS = list(_commands(cli))
TOP = [name for name, *rest in COMMANDS if not rest]


def test_the_commands_of_the_contract_are_there() -> None:
    server = {rest[0] for command, *rest in COMMANDS if command == "server" and rest}

    assert set(TOP) >= {"migrate", "rollback", "status", "force", "new", "url", "psql", "server"}
    assert server == {"start", "stop", "status", "reset"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_has_an_example_of_it(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(cli, [*command, "--help"])

    example = re.search(r"^\s*Example: (.*)$", shown.output, re.MULTILINE)
    assert shown.exit_code == 0
    assert example is not None
    assert f"dbkit {' '.join(command)}" in example[1]


@pytest.mark.parametrize("command", TOP)
def test_a_command_stands_in_the_readme_with_options_it_has(command: str) -> None:
    listed = re.findall(rf"^dbkit {command}\s+(\S.*)$", README, re.MULTILINE)
    with click.Context(cli) as context:
        found = cli.get_command(context, command)

    assert listed, f"dbkit {command} is not in README.md"
    assert found is not None
    known = {option for parameter in found.params for option in parameter.opts}
    assert set(re.findall(r"(--[a-z-]+)", " ".join(listed))) <= known


def test_the_commands_of_the_server_stand_in_the_readme() -> None:
    listed = re.search(r"^dbkit server\s+(\S+)$", README, re.MULTILINE)

    assert listed is not None
    assert listed[1].split("|") == ["start", "stop", "status", "reset"]


def test_dbkit_alone_shows_what_there_is(project: Project) -> None:
    ran = project.dbkit()

    assert ran.returncode == 64
    assert ran.stderr.startswith("Usage: dbkit ")
    assert all(name in ran.stderr for name, *_ in COMMANDS)


def test_no_sentence_is_cut_where_the_line_ends() -> None:
    shown = CliRunner().invoke(cli, ["--help"])

    commands = shown.output.partition("Commands:")[2].partition("Example:")[0]
    assert shown.exit_code == 0
    assert all(re.search(rf"^  {name} ", commands, re.MULTILINE) for name in TOP)
    assert "..." not in commands


@pytest.mark.parametrize("command", TOP)
def test_the_list_of_commands_has_the_first_sentence_of_each_one_s_help(command: str) -> None:
    with click.Context(cli) as context:
        found = cli.get_command(context, command)
    shown = CliRunner().invoke(cli, ["--help"], terminal_width=200)

    assert found is not None
    [listed] = re.findall(rf"^  {command} +(\S.*)$", shown.output, re.MULTILINE)
    assert listed == found.get_short_help_str(limit=200)


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_neither_the_driver_nor_a_command(
    tmp_path: Path, option: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "dbkit", option],
        cwd=tmp_path,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    commands = {f"dbkit.cli.{name.replace('-', '_')}" for name in TOP}
    assert {"click", "dbkit.cli.app"} <= loaded
    assert loaded.isdisjoint(commands)
    assert loaded.isdisjoint({"psycopg", "psycopg_pool", "rich", "tomllib", "yoyo"})


def test_the_version_is_told(project: Project) -> None:
    ran = project.dbkit("--version")

    assert (ran.returncode, ran.stdout) == (0, f"dbkit {__version__}\n")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("migrat", "no such command 'migrat'; did you mean 'migrate'"),
        ("server strat", "no such command 'strat'; did you mean 'start'"),
        ("deploy", f"no such command 'deploy'; commands: {', '.join(TOP)}"),
        ("server", "Missing command."),
        ("rollback", "Missing argument 'SYSTEM'."),
        ("new shop", "Missing argument 'NAME'."),
        ("force shop", "Missing argument 'N'."),
        ("migrate --to -1", "Invalid value for '--to': -1 is not in the range x>=0."),
        ("rollback shop --steps 0", "Invalid value for '--steps': 0 is not in the range x>=1."),
        (
            "rollback shop --steps 1 --to 0",
            "--steps and --to say the same thing twice; give one of them",
        ),
    ],
)
def test_wrong_usage_ends_with_64_and_the_way_to_help(
    project: Project, call: str, sentence: str
) -> None:
    ran = project.dbkit(*call.split())

    first, help_line = refusal(ran, 64).splitlines()
    assert first == sentence
    assert re.fullmatch(r"Try 'dbkit( \w+)? --help'\.", help_line)


@pytest.mark.parametrize(("option", "nearest"), [("--plann", "--plan"), ("-1", "")])
def test_a_mistyped_option_is_told_the_nearest(project: Project, option: str, nearest: str) -> None:
    ran = project.dbkit("migrate", option)

    # click's own sentence, which its versions write differently
    message = refusal(ran, 64)
    assert re.match(rf"No such option:? '?{option}\b", message)
    assert nearest in message.replace(option, "", 1)


@pytest.mark.parametrize(
    "call", ["migrate shpo", "status shpo", "rollback shpo", "url shpo", "psql shpo", "new shpo x"]
)
def test_an_unknown_system_is_told_the_nearest(project: Project, call: str) -> None:
    ran = project.dbkit(*call.split())

    assert refusal(ran) == "unknown system 'shpo'; did you mean 'shop'; known systems: shop"


@pytest.mark.parametrize("option", ["--to=1", "--url=postgresql://"])
def test_an_option_of_one_system_is_refused_for_two(project: Project, option: str) -> None:
    (project.root / "pyproject.toml").write_text(
        "[tool.dbkit.systems.shop]\n[tool.dbkit.systems.blog]\n"
    )

    ran = project.dbkit("migrate", option)

    assert refusal(ran, 64).startswith(f"{option.partition('=')[0]} belongs to one system; name it")


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if command != ("init",)], ids=" ".join
)
def test_outside_a_project_a_command_gives_help_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)

    helped = CliRunner().invoke(cli, [*command, "--help"])
    called = CliRunner().invoke(cli, [*command, "shop"], input="y\n")

    assert helped.exit_code == 0
    assert isinstance(called.exception, NoProject)
    assert called.output == ""
    assert list(tmp_path.iterdir()) == []


def test_what_begins_a_project_is_all_that_a_command_needs(project: Project) -> None:
    (project.root / "pyproject.toml").unlink()

    refused = project.dbkit("new", "shop", "orders")
    [command] = re.findall(r"with: dbkit (\w+);", refusal(refused, 64))
    begun = project.dbkit(command, "--name", "shop")
    done = project.dbkit("new", "shop", "orders")

    assert begun.returncode == 0
    assert done.returncode == 0
    assert (project.root / "migrations/shop/0002_orders.sql").is_file()


def test_a_help_option_after_the_two_dashes_is_another_program_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    called = CliRunner().invoke(cli, ["psql", "shop", "--", "--help"])

    assert isinstance(called.exception, NoProject)
