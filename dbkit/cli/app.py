"""The command line: its commands, and the message and exit code of each error."""

import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from types import FrameType
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from dbkit import __version__
from dbkit.cli.group import Group
from dbkit.errors import DbkitError, NoProject

FAILURE, USAGE = 1, 64
# as dbkit.settings has it, which help does not load
PROJECT_VARIABLE = "DBKIT_PROJECT"
# what the function of the shell sets
COMPLETION_VARIABLE = "_DBKIT_COMPLETE"

# each command with the first sentence of its help, in the order in which a new user needs them;
# the modules of the commands, and the driver with them, are loaded only when a command is called
_COMMANDS = {
    "init": "Begin a project in the current folder: settings, a migration, queries, a test, CI.",
    "migrate": "Run the pending migrations of each SYSTEM, or of all systems.",
    "status": "Show the version of each database, what is pending and what is wrong.",
    "rollback": "Undo the newest migration of SYSTEM, or several, with their rollback files.",
    "resume": "Answer whether the statement that was under way when a run was lost is done.",
    "force": "Record that SYSTEM is at version N without running anything.",
    "repair": "Accept what differs between migration N of SYSTEM and the ledger, and run nothing.",
    "new": "Create the next migration of SYSTEM and its rollback file.",
    "renumber": "Give migrations of SYSTEM new numbers after a merge; touches files only.",
    "call": "Run a query of SYSTEM in one transaction, commit it and print the result.",
    "show": "Show a query of SYSTEM: its signature, statement, columns and plan.",
    "psql": "Run psql on the database of SYSTEM, with the arguments after `--`.",
    "wait": "Wait until the database of SYSTEM takes a connection.",
    "url": "Print the connection URL of SYSTEM, for psql, pg_dump or psycopg.",
    "generate": "Write the Python package of the query files of each SYSTEM, or of all systems.",
    "check": "Compare the files of each SYSTEM, or of all, with its database; tell what is wrong.",
    "monitor": "Show the health of SYSTEM's database without changing anything.",
    "prune": "Remove old rows: run the files in sql/SYSTEM/retention in batches.",
    "backup": "Back up the database of SYSTEM with pg_dump, and remove old backups.",
    "restore": "Restore FILE, or the newest backup of SYSTEM, into a new database.",
    "adopt": "Record the version of a database of SYSTEM that another tool made.",
    "import": "Bring the migrations in FOLDER, which another tool ran, into SYSTEM.",
    "import-queries": "Bring the query files in FOLDER, which sqlc or aiosql reads, into SYSTEM.",
    "import-sqlite": "Copy all rows of the SQLite database FILE into SYSTEM's database, or none.",
    "server": "Start, stop, show or delete the embedded PostgreSQL server of this project.",
}

# a word of Python's own cannot be the name of a module
_MODULES = {"import": "import_migrations"}


class Terminated(SystemExit):
    """SIGTERM was received: raised like Ctrl-C, so that nothing is left half done.

    The driver cancels a statement that is under way for Ctrl-C and for SystemExit alone.
    """


class Commands(Group):
    """The group of all commands, each of which is imported only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help text."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module_name = _MODULES.get(cmd_name, cmd_name.replace("-", "_"))
        module = import_module(f"dbkit.cli.{module_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a sentence for each command, without importing any of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Propose the commands with their sentences, without importing any of them."""
        commands = [
            CompletionItem(name, help=sentence)
            for name, sentence in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command called, and refuse to call it outside a project."""
        if ctx.resilient_parsing:
            # the shell completes the words after it
            from dbkit.cli.completing import without_module  # noqa: PLC0415

            command = without_module(args) if args[0] in _COMMANDS else click.Command(args[0])
            if command is not None:
                return args[0], command, args[1:]
        needs_project = args[0] in _COMMANDS and args[0] != "init"
        if needs_project and not ctx.resilient_parsing and not _asks_for_help(ctx, args):
            # before the command reads its arguments or asks whether it may delete something
            from dbkit.settings import load_settings  # noqa: PLC0415 - help needs no project

            load_settings()
        return super().resolve_command(ctx, args)


def _asks_for_help(context: click.Context, arguments: list[str]) -> bool:
    return not set(_own(arguments)).isdisjoint(context.help_option_names)


def _choose_project(context: click.Context, option: click.Parameter, place: str | None) -> None:
    """Let all that is run, and the programs that it starts, find this project."""
    del context, option
    if place:
        os.environ[PROJECT_VARIABLE] = place


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: dbkit migrate && dbkit status",
)
@click.version_option(__version__, prog_name="dbkit", message="%(prog)s %(version)s")
@click.option(
    "--project",
    metavar="DIR",
    is_eager=True,
    expose_value=False,
    callback=_choose_project,
    help="The project's folder, or its package, instead of the current folder; also DBKIT_PROJECT.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Raw SQL for Python and psql alike: migrations and typed queries without an ORM."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(USAGE)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code of the process."""
    if COMPLETION_VARIABLE in os.environ:
        return _complete(arguments)
    return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, _terminate)
    # the driver warns of a rollback on a connection that broke, which the command's error tells
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    as_json, url = "--json" in _own(arguments), _given_url(_own(arguments))
    try:
        code = cli.main(list(arguments), prog_name="dbkit", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except KeyboardInterrupt:
        return _stopped(signal.SIGINT, as_json=as_json)
    except click.Abort as abort:
        # click raises it for Ctrl-C, with a cause, and for a question that was not answered
        return _stopped(signal.SIGINT, as_json=as_json) if abort.__cause__ else _refused()
    except Terminated:
        return _stopped(signal.SIGTERM, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - an unexpected error is raised again
        return _fail(error, as_json=as_json, url=url)
    return code if isinstance(code, int) else 0


def _complete(arguments: Sequence[str]) -> int:
    """Answer the shell that asks for completions."""
    from dbkit.cli.completing import prepare_bash  # noqa: PLC0415 - no command needs it

    prepare_bash()
    with suppress(Exception):
        # an error would stand in the midst of the line that a person is typing
        cli.main(list(arguments), prog_name="dbkit", standalone_mode=False)
    return FAILURE


def _own(arguments: Sequence[str]) -> Sequence[str]:
    """Return the arguments that are dbkit's own, and not psql's."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _given_url(arguments: Sequence[str]) -> str | None:
    """Return the value of `--url`, in either way to write it."""
    for argument, following in pairwise((*arguments, "")):
        if argument == "--url":
            return following
        if argument.startswith("--url="):
            return argument.removeprefix("--url=")
    return None


def _fail(error: Exception, *, as_json: bool, url: str | None) -> int:
    """Print an expected error as a sentence and return its exit code; raise any other again."""
    # only a failure needs them
    from dbkit.cli import failures  # noqa: PLC0415
    from dbkit.cli.errors import Failed  # noqa: PLC0415

    cause, standing = error, None
    if isinstance(error, Failed):
        cause, standing = error.error, error.standing
    if isinstance(cause, BrokenPipeError):
        # the program that reads our output has closed it, as `head` does
        _let_go_of_output()
        return FAILURE
    if failures.is_unwritten(cause):
        _let_go_of_output()
    if not failures.is_expected(cause):
        raise cause
    if as_json:
        click.echo(json.dumps(failures.failure_json(error, url)))
    if isinstance(cause, click.UsageError):
        _print_error(cause.format_message(), cause.ctx)
        return USAGE
    if isinstance(cause, DbkitError):
        # each of several faults is printed as an error of its own
        for fault in getattr(cause, "faults", (cause,)):
            _print_error(failures.with_urls(failures.sentence(fault), url))
    else:
        _print_error(failures.with_urls(failures.message_of(cause), url))
    if standing is not None and standing.sentence and failures.is_of_the_run(cause):
        click.echo(failures.with_urls(standing.sentence, url), err=True)
    return USAGE if isinstance(cause, NoProject) else FAILURE


def _let_go_of_output() -> None:
    """Let what is still to be printed go nowhere, where the interpreter would fail to write it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated(128 + signal.SIGTERM)


def _stopped(signum: signal.Signals, *, as_json: bool) -> int:
    message = "stopped; dbkit status shows where the database stands"
    if as_json:
        from dbkit.cli.failures import stopped_json  # noqa: PLC0415 - only a failure needs it

        click.echo(json.dumps(stopped_json("stopped", message)))
    _print_error(message)
    return 128 + signum


def _refused() -> int:
    _print_error("not confirmed, so nothing was done; answer y, or give --yes")
    return FAILURE


def _print_error(text: str, context: click.Context | None = None) -> None:
    click.echo(click.style("error: ", fg="red", bold=True) + text, err=True)
    if context is not None:
        click.echo(f"Try '{context.command_path} --help'.", err=True)
