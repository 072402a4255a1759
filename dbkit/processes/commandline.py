"""The command line of an application's processes: `python -m shop work --once`."""

import asyncio
import inspect
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import Any, NoReturn, TypeVar

import click

from dbkit.errors import DbkitError
from dbkit.operations import find_retention, prune
from dbkit.pools import AsyncDatabase, open_database
from dbkit.processes.common import Common, with_common_options
from dbkit.processes.serving import Application, serve
from dbkit.processes.working import FAILURE, Working
from dbkit.projects import Project, SystemDatabase

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[Callable[..., Any]], Callable[..., Any]]

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_HOUR = 3600.0
# the parameter by which a step asks for the event that it is to stop
_STOPPING = "stopping"


def _heard(number: int, frame: FrameType | None) -> None:
    del number, frame


def _end(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise SystemExit(0)


class Processes:
    """The processes of one system, each a command with the options that all of them have.

        processes = Processes("shop", "The processes of the shop.")


        @processes.worker("send", every=5.0)
        def send(database: Database) -> int:
            \"\"\"Send the mails that are due.\"\"\"
            with database.connection() as connection:
                return send_next(connection)


        if __name__ == "__main__":
            processes.run()

    Each logs to `shop.send` and the like, on stderr.
    """

    def __init__(self, system: str, about: str) -> None:
        self._system = system
        self._group = click.Group(
            name=system,
            help=about,
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )

    def worker(
        self,
        name: str,
        *,
        every: float,
        concurrency: int = 1,
        options: Sequence[Option] = (),
        for_all: bool = False,
    ) -> Callable[[F], F]:
        """Make a process of a function that does one step and returns how much was done.

        It is called with the database and the values of its own `options`, again and again, by as
        many threads as the concurrency says. When it returns 0, it is called again after `every`
        seconds. What it raises is logged, and it goes on; after a lost connection too. A parameter
        named `stopping` gets the event that SIGTERM sets: a long step can end halfway by it.

        What works on the rows of all users, or of all tenants, is `for_all`: unless a role is
        given, it runs as the user in the URL, whom no policy binds if that is the tables' owner.
        """

        def decorated(step: F) -> F:
            is_told = _STOPPING in inspect.signature(step).parameters

            def body(common: Common, database: SystemDatabase, values: dict[str, Any]) -> int:
                logger = logging.getLogger(f"{self._system}.{name}")
                with open_database(
                    database.url,
                    min_size=1,
                    max_size=common.concurrency + 1,
                    role=common.role,
                    name=f"{self._system}.{name}",
                ) as pool:
                    working = Working(every, common, logger)
                    own = {_STOPPING: working.stopping} if is_told else {}
                    return working.run(partial(step, pool, **own, **values), pool)

            shared = with_common_options(concurrency)
            self._add(name, step.__doc__, body, (*options, shared), for_all=for_all)
            return step

        return decorated

    def server(
        self,
        name: str,
        *,
        port: int,
        concurrency: int = 10,
        options: Sequence[Option] = (),
        for_all: bool = False,
    ) -> Callable[[F], F]:
        """Make a process of a function that makes an ASGI application of an `AsyncDatabase`."""
        where = (
            click.option(
                "--host", default="127.0.0.1", show_default=True, help="Where it listens."
            ),
            click.option(
                "--port",
                type=click.IntRange(0, 65535),
                default=port,
                show_default=True,
                help="Where it listens; 0 for any that is free.",
            ),
        )

        def decorated(make: F) -> F:
            def body(common: Common, database: SystemDatabase, values: dict[str, Any]) -> int:
                logger = logging.getLogger(f"{self._system}.{name}")
                address = values.pop("host"), values.pop("port")

                def application(pool: AsyncDatabase) -> Application:
                    made: Application = make(pool, **values)
                    return made

                # uvicorn hears them first, and raises them again when it has ended
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, _heard)
                return asyncio.run(serve(application, database.url, common, address, logger))

            shared = with_common_options(concurrency)
            self._add(name, make.__doc__, body, (*where, *options, shared), for_all=for_all)
            return make

        return decorated

    def command(
        self, name: str, *, options: Sequence[Option] = (), for_all: bool = False
    ) -> Callable[[F], F]:
        """Make a process of a function that is called once, with the database.

        SIGTERM and Ctrl-C end it where it is; it returns an exit code, or None for 0.
        """

        def decorated(function: F) -> F:
            def body(common: Common, database: SystemDatabase, values: dict[str, Any]) -> int:
                signal.signal(signal.SIGTERM, _end)
                with open_database(
                    database.url,
                    min_size=1,
                    max_size=common.concurrency + 1,
                    role=common.role,
                    name=f"{self._system}.{name}",
                ) as pool:
                    code: int | None = function(pool, **values)
                    return code or 0

            shared = with_common_options(concurrency=1)
            self._add(name, function.__doc__, body, (*options, shared), for_all=for_all)
            return function

        return decorated

    def pruning(self) -> None:
        """Add the process that removes, every hour, what the retention files say."""

        def body(common: Common, database: SystemDatabase, values: dict[str, Any]) -> int:
            del values
            project = Project()
            retentions = find_retention(database.system.sql, project.settings.root)
            logger = logging.getLogger(f"{self._system}.prune")
            working = Working(_HOUR, common._replace(concurrency=1), logger)
            with open_database(
                database.url, min_size=1, max_size=2, role=common.role, name=logger.name
            ) as pool:

                def step() -> int:
                    with pool.connection() as connection:
                        connection.autocommit = True
                        for retention in retentions:
                            if working.stopping.is_set():
                                break
                            result = prune(connection, retention)
                            working.counts.add(done=result.rows)
                            if result.rows:
                                logger.info("%s: %d rows", result.query, result.rows)
                    # counted above: a step that returns more than 0 is done again at once
                    return 0

                return working.run(step, pool)

        about = "Remove the rows that are not kept for ever, every hour."
        self._add("prune", about, body, [with_common_options(concurrency=1)], for_all=True)

    def run(self, arguments: Sequence[str] | None = None) -> None:
        """Run the command line, and end the process with its exit code."""
        name = f"python -m {self._module()}"
        try:
            code = self._group.main(
                sys.argv[1:] if arguments is None else list(arguments),
                prog_name=name,
                standalone_mode=False,
            )
        except click.exceptions.Exit as stop:
            code = stop.exit_code
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except DbkitError as error:
            click.echo(f"error: {error}", err=True)
            code = FAILURE
        except (click.Abort, KeyboardInterrupt):
            code = 130
        sys.exit(code if isinstance(code, int) else 0)

    def _module(self) -> str:
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        return self._system if spec is None else str(spec.name).removesuffix(".__main__")

    def _add(
        self,
        name: str,
        about: str | None,
        body: Callable[[Common, SystemDatabase, dict[str, Any]], int],
        options: Sequence[Option],
        *,
        for_all: bool,
    ) -> None:
        def command(**values: Any) -> int:  # noqa: ANN401 - the options are the process's own
            common = Common(**{key: values.pop(key) for key in Common._fields})
            logging.basicConfig(level=common.level.upper(), format=_FORMAT, stream=sys.stderr)
            project = Project(show_step=lambda step: click.echo(step, err=True))
            system = project.system(self._system)
            of_the_url = for_all and common.role is None
            common = common._replace(role=None if of_the_url else system.role_for(common.role))
            database = project.database(system, common.url)
            with ExitStack() as stack:
                stack.enter_context(database.hold())
                return body(common, database, values)

        function: Callable[..., Any] = command
        for option in reversed(options):
            function = option(function)
        self._group.add_command(click.command(name, help=about)(function))
