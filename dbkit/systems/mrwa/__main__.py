"""Start the processes of mrwa: `python -m dbkit.systems.mrwa work --execute shop.steps:run`."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

import click

from dbkit.pools import Database
from dbkit.processes import (
    Processes,
    attempts_option,
    function_option,
    lease_option,
    worker_name,
)
from dbkit.systems.mrwa import confidential_inputs
from dbkit.systems.mrwa.confidential_inputs import Keyring
from dbkit.systems.mrwa.log_tail import follow
from dbkit.systems.mrwa.worker import work_once

_KEYS = "MRWA_KEYS"

processes = Processes("mrwa", "The processes of mrwa.")


@processes.worker(
    "work",
    every=1.0,
    concurrency=4,
    for_all=True,
    options=(
        function_option(
            "--execute",
            what="It is called with the database and each execution, and does its work.",
        ),
        lease_option(300.0),
        attempts_option(5),
    ),
)
def work(
    database: Database, execute: Callable[..., object], lease: timedelta, max_attempts: int
) -> int:
    """Claim executions and have each done by a function, under a lease that is renewed."""
    outcome = work_once(
        database,
        execute,
        worker=worker_name(),
        lease=lease,
        max_attempts=max_attempts,
    )
    return 0 if outcome is None else 1


@processes.command(
    "tail",
    for_all=True,
    options=(
        click.argument("execution_id", type=click.UUID, metavar="EXECUTION"),
        click.option("--position", help="Go on after it: what an earlier line of JSON said."),
        click.option(
            "--json", "as_json", is_flag=True, help="One object a line, with the position."
        ),
    ),
)
def tail(database: Database, execution_id: UUID, position: str | None, as_json: bool) -> None:
    """Follow the logs of an execution until it ends, also over a lost connection."""
    batches = follow(database.connection, execution_id=execution_id, position=position)
    for batch in batches:
        for number, log in enumerate(batch.logs, 1):
            if as_json:
                # only after the last line of a batch all lines before the position are told
                after = batch.position if number == len(batch.logs) else None
                click.echo(json.dumps({**asdict(log), "position": after}, default=str))
            else:
                click.echo(f"{log.timestamp:%Y-%m-%d %H:%M:%S} {log.level:8} {log.message}")


@processes.command("encrypt-inputs", for_all=True)
def encrypt_inputs(database: Database) -> int:
    """Encrypt all inputs of executions with the first of the keys in MRWA_KEYS.

    The variable has them as `new:HEX old:HEX`. What is plain text or under an older key is
    encrypted; run it again if it was stopped. It ends with 1 if an input could not be read: each
    is named, and stays as it is.
    """
    keyring = _keyring()
    return _changed(
        confidential_inputs.encrypt_all, database, keyring, f"under key {keyring.current!r} now"
    )


@processes.command("decrypt-inputs", for_all=True)
def decrypt_inputs(database: Database) -> int:
    """Put all inputs of executions back into plain text, by the keys in MRWA_KEYS."""
    return _changed(confidential_inputs.decrypt_all, database, _keyring(), "plain text again")


def _keyring() -> Keyring:
    if not os.environ.get(_KEYS):
        reason = f"set {_KEYS} to the keys, the current one first: new:HEX old:HEX"
        raise click.UsageError(reason)
    return Keyring.read(os.environ[_KEYS])


def _changed(change: Callable[..., int], database: Database, keyring: Keyring, state: str) -> int:
    unreadable: dict[UUID, str] = {}

    def report(execution_id: UUID, error: object) -> None:
        unreadable[execution_id] = str(error)

    count = change(database, keyring, report=report)
    for execution_id, reason in unreadable.items():
        click.echo(f"passed over: execution {execution_id}: {reason}", err=True)
    click.echo(f"{count:,} inputs are {state}, {len(unreadable):,} could not be read")
    return 1 if unreadable else 0


processes.pruning()


if __name__ == "__main__":
    processes.run()
