"""The processes of ai_orchestration: `python -m dbkit.systems.ai_orchestration work`."""

import os
from collections.abc import Sequence
from datetime import timedelta
from threading import Event

import click
from starlette.applications import Starlette

from dbkit.pools import AsyncDatabase, Database
from dbkit.processes import (
    Processes,
    attempts_option,
    import_function,
    lease_option,
    worker_name,
)
from dbkit.systems.ai_orchestration import leased_runs, scheduler, vault
from dbkit.systems.ai_orchestration.interpreter import MOCKS, Adapter, interpret
from dbkit.systems.ai_orchestration.receiver import receiver

_KEYS = "AI_ORCHESTRATION_KEYS"

processes = Processes("ai_orchestration", "The processes of ai_orchestration.")


def _adapters(
    context: click.Context, option: click.Parameter, value: Sequence[str]
) -> dict[str, Adapter]:
    """Read `llm=shop.models:answer`: what a function serves, and where it is."""
    del context, option
    found: dict[str, Adapter] = dict(MOCKS)
    for text in value:
        serves, equals, place = text.partition("=")
        if not equals:
            reason = f"{text!r} does not say what it serves; write TYPE=MODULE:FUNCTION"
            raise click.BadParameter(reason)
        found[serves] = import_function(place)
    return found


@processes.server(
    "receive",
    port=8080,
    options=[
        click.option(
            "--max-body",
            type=click.IntRange(min=1),
            default=1024 * 1024,
            show_default=True,
            metavar="BYTES",
            help="A longer call is refused with 413.",
        )
    ],
)
def receive(database: AsyncDatabase, max_body: int) -> Starlette:
    """Receive the signed calls of webhooks, and start their runs."""
    return receiver(database, max_body=max_body)


@processes.worker(
    "schedule", every=1.0, for_all=True, options=[lease_option(300.0), attempts_option(5)]
)
def schedule(database: Database, lease: timedelta, max_attempts: int) -> int:
    """Start the runs of schedules whose time has come, of all tenants."""
    outcomes = scheduler.fire_leased(
        database,
        worker=worker_name(),
        lease=lease,
        max_attempts=max_attempts,
    )
    return len(outcomes)


@processes.worker(
    "work",
    every=1.0,
    concurrency=4,
    for_all=True,
    options=[
        lease_option(300.0),
        attempts_option(5),
        click.option(
            "--adapter",
            "adapters",
            multiple=True,
            callback=_adapters,
            metavar="TYPE=MODULE:FUNCTION",
            help="A function for a type of step, as llm, or an adapter's id; may be given again.",
        ),
    ],
)
def work(
    database: Database,
    lease: timedelta,
    max_attempts: int,
    adapters: dict[str, Adapter],
    stopping: Event,
) -> int:
    """Run what waits, of all tenants in turn, each within its max_concurrent_runs."""
    outcome = leased_runs.work_once(
        database,
        lambda lent, run: interpret(lent, run, adapters),
        lease=lease,
        max_attempts=max_attempts,
        stop=stopping,
    )
    return int(outcome not in {None, "released"})


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
