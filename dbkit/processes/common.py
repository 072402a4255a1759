"""The options that every process has."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_LEVELS = ("debug", "info", "warning", "error")
_SHORTEST_LEASE = 0.1


class Common(NamedTuple):
    """How a process runs, whatever it does."""

    url: str | None
    # as it was given; a process gets the one it runs as, None for the URL's user
    role: str | None
    # until nothing is left to do, not until it is told to stop
    once: bool
    concurrency: int
    # seconds between two lines that say how it is, and that it has to finish what is under way
    health: float
    grace: float
    level: str


def function_option(name: str, *, what: str, required: bool = True) -> Callable[[F], F]:
    """Give a process a function of the application's own, named as in `package.module:function`."""
    return click.option(
        name, callback=_as_function, required=required, metavar="MODULE:FUNCTION", help=what
    )


def import_function(place: str) -> Callable[..., Any]:
    """Import a function that is named as in `package.module:function`, for an option of yours."""
    module, _, name = place.partition(":")
    try:
        function: object = getattr(import_module(module), name) if name else None
    except (ImportError, ValueError, AttributeError) as error:
        message = f"{place!r} cannot be imported: {error}"
        raise click.BadParameter(message) from None
    if not callable(function):
        message = f"{place!r} is no function; write package.module:function"
        raise click.BadParameter(message)
    return function


def lease_option(seconds: float) -> Callable[[F], F]:
    """Give a process `--lease`, the `timedelta` after which a dead worker's work is another's."""
    return click.option(
        "--lease",
        type=click.FloatRange(min=_SHORTEST_LEASE),
        callback=_as_seconds,
        default=seconds,
        show_default=True,
        metavar="SECONDS",
        help="After so long without a sign of life the work of a worker is another's.",
    )


def attempts_option(times: int) -> Callable[[F], F]:
    """Give a process `--max-attempts`, after which work that its workers did not finish is left."""
    return click.option(
        "--max-attempts",
        type=click.IntRange(min=1),
        default=times,
        show_default=True,
        metavar="N",
        help="What was begun so often and not finished is given up.",
    )


def with_common_options(concurrency: int) -> Callable[[F], F]:
    """Give a command the options that every process has."""
    options = [
        click.option(
            "--url", metavar="URL", help="The database, not the environment's or embedded one."
        ),
        click.option(
            "--role",
            metavar="ROLE",
            help="Run as this role, not as that of the settings; none for the URL's user.",
        ),
        click.option("--once", is_flag=True, help="End when there is nothing left to do."),
        click.option(
            "--concurrency",
            type=click.IntRange(min=1),
            default=concurrency,
            show_default=True,
            metavar="N",
            help="How much is done at once.",
        ),
        click.option(
            "--health",
            type=click.FloatRange(min=0, min_open=True),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="How often a line says how it is.",
        ),
        click.option(
            "--grace",
            type=click.FloatRange(min=0),
            default=30.0,
            show_default=True,
            metavar="SECONDS",
            help="How long it may finish what is under way when it is told to stop.",
        ),
        click.option(
            "--log-level",
            "level",
            type=click.Choice(_LEVELS),
            default="info",
            show_default=True,
            help="The least important lines that are written to stderr.",
        ),
    ]

    def decorated(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorated


def _as_function(
    context: click.Context, option: click.Parameter, value: str | None
) -> Callable[..., Any] | None:
    del context, option
    return None if value is None else import_function(value)


def _as_seconds(context: click.Context, option: click.Parameter, value: float) -> timedelta:
    del context, option
    return timedelta(seconds=value)
