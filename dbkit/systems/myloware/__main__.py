"""Start the processes of myloware: `python -m dbkit.systems.myloware receive`."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from psycopg import Connection
from starlette.applications import Starlette

from dbkit.pools import AsyncDatabase, Database
from dbkit.processes import (
    Processes,
    attempts_option,
    function_option,
    lease_option,
    worker_name,
)
from dbkit.systems.myloware.knowledge_base import Embed, load_folder
from dbkit.systems.myloware.production_runs import LeasedRun, work_once
from dbkit.systems.myloware.webhook_dlq import ClaimRow
from dbkit.systems.myloware.webhook_providers import read_providers
from dbkit.systems.myloware.webhook_receiver import receiver
from dbkit.systems.myloware.webhook_replay import replay

_MEBIBYTE = 2**20

processes = Processes("myloware", "The processes of myloware.")


def process_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a process the function that does the application's own work."""
    return function_option("--process", what=what)


@processes.server(
    "receive",
    port=8080,
    options=[
        click.option(
            "--providers",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            required=True,
            metavar="FILE",
            help="A TOML file: who sends webhooks, and how each signs them.",
        ),
        click.option(
            "--max-body",
            type=click.IntRange(min=1),
            default=_MEBIBYTE,
            show_default=True,
            metavar="BYTES",
            help="The largest body that is taken.",
        ),
    ],
)
def receive(database: AsyncDatabase, providers: Path, max_body: int) -> Starlette:
    """Receive webhooks at POST /webhooks/PROVIDER: record and queue each, then answer 2xx."""
    return receiver(database, read_providers(providers), max_body=max_body)


@processes.worker(
    "replay",
    every=1.0,
    options=[
        process_option("What does a webhook's work; it gets (connection, webhook)."),
        click.option(
            "--max-retries",
            type=click.IntRange(min=1),
            default=8,
            show_default=True,
            metavar="N",
            help="A webhook is given up after so many attempts.",
        ),
        lease_option(300.0),
    ],
)
def replay_next(
    database: Database,
    process: Callable[[Connection[Any], ClaimRow], object],
    max_retries: int,
    lease: timedelta,
) -> int:
    """Process the webhooks that are queued, each under a lease with a heartbeat.

    One that fails is tried again later, ever later.
    """
    with database.connection() as connection:
        counts = replay(
            connection,
            lambda webhook: process(connection, webhook),
            max_retries=max_retries,
            lease=lease,
            max_webhooks=1,
            database=database,
        )
    return counts.total


@processes.worker(
    "work",
    every=1.0,
    options=[
        process_option("What does a run's work; it gets (database, leased_run)."),
        attempts_option(5),
        lease_option(60.0),
    ],
)
def work_next(
    database: Database,
    process: Callable[[Database, LeasedRun], object],
    max_attempts: int,
    lease: timedelta,
) -> int:
    """Work on the running runs that nobody works on, each under a lease with a heartbeat."""
    outcome = work_once(
        database,
        lambda leased: process(database, leased),
        worker=worker_name(),
        lease=lease,
        max_attempts=max_attempts,
    )
    return int(outcome is not None)


@processes.command(
    "load",
    options=[
        click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path)),
        function_option("--embed", what="Makes embeddings of 1536 numbers of a list of texts."),
        click.option("--project", help="Whose documents they are; everybody's without it."),
        click.option("--persona", help="Whose documents they are; everybody's without it."),
        click.option(
            "--pattern", default="**/*.md", show_default=True, help="Which files of the folder."
        ),
        click.option("--prefix", default="", help="What stands before each path, such as docs/."),
    ],
)
def load(
    database: Database,
    folder: Path,
    embed: Embed,
    project: str | None,
    persona: str | None,
    pattern: str,
    prefix: str,
) -> int:
    """Load the files of FOLDER into the knowledge base: what changed anew, what is gone removed."""
    with database.connection() as connection:
        result = load_folder(
            connection,
            folder,
            embed,
            project=project,
            persona=persona,
            pattern=pattern,
            prefix=prefix,
        )
    click.echo(
        f"{result.loaded:,} loaded, {result.unchanged:,} unchanged, {result.removed:,} removed, "
        f"{len(result.refused):,} refused"
    )
    return int(bool(result.refused))


processes.pruning()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    processes.run(arguments)


if __name__ == "__main__":
    main()
