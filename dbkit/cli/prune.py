"""`dbkit prune`: remove the rows that a system does not keep forever."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import click
import psycopg

from dbkit.cli.bars import row_bar
from dbkit.cli.options import json_option, open_project, system_argument, url_option
from dbkit.cli.printing import count_of
from dbkit.loading import LoadedQuery
from dbkit.operations import (
    PruneResult,
    count_prunable,
    estimate_prunable,
    find_retention,
    is_update,
    prune,
)


@click.command("prune", epilog="Example: dbkit prune mrwa --plan")
@system_argument
@click.option("--plan", is_flag=True, help="Only count, in a transaction that is rolled back.")
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    metavar="N",
    help="Rows of one transaction, instead of what the files say.",
)
@json_option
@url_option
def command(name: str, plan: bool, batch: int | None, as_json: bool, url: str | None) -> None:
    """Remove old rows: run the files in sql/SYSTEM/retention in batches.

    Each file is run until it removes no more rows. Each batch is a transaction of its own, so the
    command can be stopped at any time and started again.
    """
    project = open_project()
    system = project.system(name)
    retentions = find_retention(system.sql, project.settings.root)
    results: list[PruneResult] = []
    with project.database(system, url).connect() as connection:
        connection.autocommit = True
        if plan:
            results = count_prunable(connection, retentions, batch=batch)
        for retention in [] if plan else retentions:
            with _counted(connection, name, retention) as report_batch:
                results.append(prune(connection, retention, batch=batch, report_batch=report_batch))
            if not as_json:
                _print(name, results[-1], "updated" if results[-1].updates else "removed")
    if as_json:
        answer = {"name": name, "retention": [_for_program(result) for result in results]}
        click.echo(json.dumps(answer))
    elif plan:
        for result in results:
            _print(name, result, "would update" if result.updates else "would remove")


def _print(system: str, result: PruneResult, verb: str, *, err: bool = False) -> None:
    batches = f" in {result.batches:,} batches" if result.batches > 1 else ""
    click.echo(f"{system}: {result.query} {verb} {count_of(result.rows, 'row')}{batches}", err=err)


def _for_program(result: PruneResult) -> dict[str, Any]:
    return {
        "query": result.query,
        "rows": result.rows,
        "batches": result.batches,
        "does": "update" if result.updates else "remove",
    }


@contextmanager
def _counted(
    connection: psycopg.Connection[Any], system: str, retention: LoadedQuery
) -> Generator[Callable[[int], object]]:
    """Show the removed rows on a bar, and print their number if the command is stopped."""
    counts: list[int] = []
    bar = row_bar(f"{system}: {retention.name}", lambda: estimate_prunable(connection, retention))
    try:
        with bar as show_rows:

            def report_batch(rows: int) -> None:
                counts.append(rows)
                show_rows(sum(counts))

            yield report_batch
    except BaseException:
        if counts:
            result = PruneResult(retention.name, retention.query.path, sum(counts), len(counts))
            verb = "updated" if is_update(retention) else "removed"
            _print(system, result, f"stopped after it {verb}", err=True)
        raise
