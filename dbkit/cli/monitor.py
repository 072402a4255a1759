"""`dbkit monitor`: how a database fares."""

import json
import sys
from typing import Any

import click

from dbkit.cli.cells import as_json, as_text, printable
from dbkit.cli.connecting import Project, json_option, opened, url_option
from dbkit.loading import load
from dbkit.operations import Health, HealthRow, QueriesByName, read_health

_TITLES = {
    "tables": "Tables, the largest first",
    "indexes": "Indexes, the unused first",
    "locks": "Locks on tables",
    "waits": "Who waits for whom",
}
_WIDE = 10_000
_LONGEST = 60
_PERCENT, _KIB = 100, 1024


@click.command("monitor", epilog="Example: dbkit monitor mrwa --most 5")
@click.argument("system")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="Rows of each list.",
)
@json_option
@url_option
def command(system: str, most: int, as_json: bool, url: str | None) -> None:
    """Show how the database of SYSTEM fares; nothing is changed, nobody is kept waiting.

    Sizes, use of indexes, cache hits, connections, locks and who waits for whom, and the
    slowest statements by the name of their query file.
    """
    project = Project()
    [chosen] = project.systems((system,))
    known: QueriesByName = {}
    if chosen.sql.is_dir():
        known = load(chosen.sql, root=project.settings.root)
    with opened(project.place(chosen, url)) as connection:
        report = read_health(connection, known, max_rows=most)
    if as_json:
        click.echo(json.dumps({"name": system, **_for_program(report)}))
    else:
        _say(report)


def _for_program(report: Health) -> dict[str, Any]:
    facts = {name: _plain(row) for name, row in report.facts.items()}
    lists = {name: [_plain(row) for row in rows] for name, rows in report.lists.items()}
    statements = report.statements
    slow = None if statements is None else [_plain(row) for row in statements]
    return {**facts, **lists, "slow_statements": slow, "missing": report.missing}


def _plain(row: HealthRow) -> dict[str, object]:
    return {name: as_json(value) for name, value in row.items()}


def _say(report: Health) -> None:
    connections, cache = report.facts["connections"], report.facts["cache"]
    click.echo(
        "connections: {here} here ({active} active, {idle} idle, {idle_in_transaction} idle in a "
        "transaction), {everywhere} of {room} on the server".format(**connections)
    )
    if connections["hidden"]:
        click.echo(f"what {connections['hidden']} of them do is shown to members of pg_monitor")
    oldest = connections["oldest_transaction_seconds"]
    if oldest is not None:
        click.echo(f"oldest transaction: {oldest:.0f} s")
    hits = ", ".join(
        f"{name} {value * _PERCENT:.1f} %" if value is not None else f"{name} not read yet"
        for name, value in cache.items()
    )
    click.echo(f"from memory: {hits}")
    for name, rows in report.lists.items():
        _table(_TITLES[name], rows)
    if report.statements is None:
        click.echo(f"\nno count of slow statements is kept here; {report.missing}")
    else:
        _table("Statements, the slowest in all first", report.statements)


def _table(title: str, rows: list[HealthRow]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a program that reads JSON needs no table
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    click.echo(f"\n{title}" + ("" if rows else ": none"))
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    shown = [
        {key: _cell(key, row) for key in row if not key.endswith("query_name")} for row in rows
    ]
    for key in shown[0]:
        is_number = all(isinstance(row[key], int | float | None) for row in rows)
        table.add_column(key, justify="right" if is_number else "left", overflow="fold")
    for cells in shown:
        table.add_row(*(Text(printable(text)) for text in cells.values()))
    width = None if sys.stdout.isatty() else _WIDE
    Console(highlight=False, width=width).print(table)


def _cell(key: str, row: HealthRow) -> str:
    value = row[key]
    if value is None:
        return ""
    if key.endswith("query"):
        name = row[f"{key}_name"]
        text = str(value)
        return name or (text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")
    if key.endswith("bytes"):
        return _size(int(value))
    if isinstance(value, float):
        return f"{value:,.1f}"
    return (
        f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else as_text(value)
    )


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < _KIB:
            return f"{number:.0f} {unit}"
        number /= _KIB
    return f"{number:.1f} TB"
