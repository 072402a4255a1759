"""The processes of ai_orchestration: `python -m dbkit.systems.ai_orchestration work`."""

import os
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

import click
from starlette.applications import Starlette

from dbkit.pools import AsyncDatabase, Database
from dbkit.processes import Processes
from dbkit.systems.ai_orchestration import leased_runs, scheduler, vault
from dbkit.systems.ai_orchestration.interpreter import MOCKS, Adapter, interpret
from dbkit.systems.ai_orchestration.receiver import receiver

_KEYS = "AI_ORCHESTRATION_KEYS"

processes = Processes("ai_orchestration", "The processes of ai_orchestration.")

lease_option = click.option(
    "--lease",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="After so long without a sign of life another worker takes over.",
)
attempts_option = click.option(
    "--max-attempts",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    metavar="N",
    help="What lost its worker so often is given up.",
)


def _adapter(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> Any:  # noqa: ANN401 - what click hands on
    """Read `llm=shop.models:answer`: what a function serves, and where it is."""
    found: dict[str, Adapter] = dict(MOCKS)
    for text in value:
        serves, _, place = text.partition("=")
        module, _, name = place.partition(":")
        try:
            function = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            reason = f"{text!r} names no function ({error}); write TYPE=MODULE:FUNCTION"
            raise click.BadParameter(reason, context, parameter) from None
        found[serves] = function
    return found


@processes.server(
    "receive",
    port=8080,
    options=[
        click.option(
            "--largest-body",
            type=click.IntRange(min=1),
            default=1024 * 1024,
            show_default=True,
            metavar="BYTES",
            help="A longer call is refused with 413.",
        )
    ],
)
def receive(database: AsyncDatabase, largest_body: int) -> Starlette:
    """Receive the signed calls of webhooks, and start their runs."""
    return receiver(database, largest_body=largest_body)


@processes.worker("schedule", every=1.0, for_all=True, options=[lease_option, attempts_option])
def schedule(database: Database, lease: float, max_attempts: int) -> int:
    """Start the runs of schedules whose time has come, of all tenants."""
    outcomes = scheduler.fire_leased(
        database,
        worker=leased_runs.worker_name(),
        lease=timedelta(seconds=lease),
        max_attempts=max_attempts,
    )
    return len(outcomes)


@processes.worker(
    "work",
    every=1.0,
    concurrency=4,
    for_all=True,
    options=[
        lease_option,
        attempts_option,
        click.option(
            "--adapter",
            "adapters",
            multiple=True,
            callback=_adapter,
            metavar="TYPE=MODULE:FUNCTION",
            help="A function for a type of step, as llm, or an adapter's id; may be given again.",
        ),
    ],
)
def work(database: Database, lease: float, max_attempts: int, adapters: dict[str, Adapter]) -> int:
    """Run what waits, of all tenants in turn, each within its max_concurrent_runs."""
    outcome = leased_runs.work_once(
        database,
        lambda lent, run: interpret(lent, run, adapters),
        lease=timedelta(seconds=lease),
        max_attempts=max_attempts,
    )
    return int(outcome is not None)


@processes.command("rotate-secrets", for_all=True)
def rotate_secrets(database: Database) -> int:
    """Encrypt all secrets with the first of the keys in AI_ORCHESTRATION_KEYS.

    The variable has them as `new:HEX old:HEX`. It ends with 1 if a secret could not be read: each
    is named, and stays as it is.
    """
    if _KEYS not in os.environ:
        reason = f"set {_KEYS} to the keys, the new one first: new:HEX old:HEX"
        raise click.UsageError(reason)
    keyring = vault.Keyring.read(os.environ[_KEYS])
    unreadable: dict[str, None] = {}
    count, last = 0, 1
    while last:
        with database.transaction() as connection:
            last = vault.rotate(
                connection, keyring, report=lambda error: unreadable.update({str(error): None})
            )
        count += last
    for reason in unreadable:
        click.echo(f"passed over: {reason}", err=True)
    click.echo(f"{count:,} secrets are under key {keyring.current!r}, {len(unreadable):,} are not")
    return 1 if unreadable else 0


processes.pruning()

if __name__ == "__main__":
    processes.run()
