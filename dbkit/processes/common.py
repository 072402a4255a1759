"""The options that every process has."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_LEVELS = ("debug", "info", "warning", "error")


class Common(NamedTuple):
    """How a process runs, whatever it does."""

    url: str | None
    # as the settings have it where it is None, and that of the URL where it is "none"
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
        name, callback=_import_function, required=required, metavar="MODULE:FUNCTION", help=what
    )


def _import_function(
    context: click.Context, option: click.Parameter, value: str | None
) -> Callable[..., object] | None:
    if value is None:
        return None
    module, _, name = value.partition(":")
    try:
        function: object = getattr(import_module(module), name) if name else None
    except (ImportError, ValueError, AttributeError) as error:
        message = f"{value!r} cannot be imported: {error}"
        raise click.BadParameter(message, context, option) from None
    if not callable(function):
        message = f"{value!r} is no function; write package.module:function"
        raise click.BadParameter(message, context, option)
    return function


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
