"""`dbkit prune`: remove what a system does not keep forever."""

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import click
import psycopg

from dbkit.cli.connecting import Project, json_option, opened, url_option
from dbkit.cli.counting import count_of
from dbkit.loading import LoadedQuery
from dbkit.operations import (
    PruneResult,
    count_prunable,
    estimate_prunable,
    find_retention,
    prune,
)


@click.command("prune", epilog="Example: dbkit prune mrwa --plan")
@click.argument("system")
@click.option("--plan", is_flag=True, help="Only count, in a transaction that is taken back.")
@click.option(
    "--batch", type=click.IntRange(min=1), metavar="N", help="Rows a transaction; the files say."
)
@json_option
@url_option
def command(system: str, plan: bool, batch: int | None, as_json: bool, url: str | None) -> None:
    """Run the files in sql/SYSTEM/retention in batches until nothing is left to remove.

    Each batch is a transaction of its own, so it can be stopped at any time and started again.
    """
    project = Project()
    [chosen] = project.systems((system,))
    retentions = find_retention(chosen.sql, project.settings.root)
    pruned: list[PruneResult] = []
    with opened(project.place(chosen, url)) as connection:
        connection.autocommit = True
        if plan:
            pruned = count_prunable(connection, retentions, batch=batch)
        for retention in [] if plan else retentions:
            with _watched(connection, system, retention) as told:
                pruned.append(prune(connection, retention, batch=batch, report_batch=told))
            if not as_json:
                _say(system, pruned[-1], "removed")
    if as_json:
        answer = {"name": system, "retention": [_for_program(one) for one in pruned]}
        click.echo(json.dumps(answer))
    elif plan:
        for one in pruned:
            _say(system, one, "would remove")


def _say(system: str, pruned: PruneResult, verb: str, *, err: bool = False) -> None:
    batches = f" in {pruned.batches:,} batches" if pruned.batches > 1 else ""
    click.echo(f"{system}: {pruned.query} {verb} {count_of(pruned.rows, 'row')}{batches}", err=err)


def _for_program(pruned: PruneResult) -> dict[str, Any]:
    return {"query": pruned.query, "rows": pruned.rows, "batches": pruned.batches}


@contextmanager
def _watched(
    connection: psycopg.Connection[Any], system: str, retention: LoadedQuery
) -> Generator[Callable[[int], object]]:
    """Count the batches, for the bar and for whoever stops it half-way."""
    counts: list[int] = []
    try:
        with _bar(connection, system, retention) as shown:

            def told(rows: int) -> None:
                counts.append(rows)
                shown(sum(counts))

            yield told
    except BaseException:
        if counts:
            batches = len(counts)
            rows = PruneResult(retention.name, retention.query.path, sum(counts), batches)
            _say(system, rows, "stopped after it removed", err=True)
        raise


@contextmanager
def _bar(
    connection: psycopg.Connection[Any], system: str, retention: LoadedQuery
) -> Generator[Callable[[int], object]]:
    """Show a bar where somebody watches; how long it is the planner can only guess."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where somebody watches
    from rich.progress import Progress  # noqa: PLC0415

    guess = estimate_prunable(connection, retention)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{system}: {retention.name}", total=guess)

        def shown(rows: int) -> None:
            longest = max(guess, rows) if guess is not None else None
            progress.update(task, completed=rows, total=longest)

        yield shown
