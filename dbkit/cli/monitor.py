"""`dbkit monitor`: show the health of a database."""

import json
from typing import Any, TextIO

import click

from dbkit.cli.options import json_option, open_project, system_argument, url_option
from dbkit.cli.printing import print_table, text_value
from dbkit.loading import load
from dbkit.operations import Health, HealthRow, QueriesByName, read_health, with_growth

_TITLES = {
    "pools": "Pools, the fullest first",
    "transactions": "Open transactions, the oldest first",
    "tables": "Tables, the largest first",
    "indexes": "Indexes, the unused first",
    "locks": "Locks on tables",
    "waits": "Who waits for whom",
}
_MAX_STATEMENT = 60
_PERCENT, _KIB = 100, 1024


def _read_earlier(
    context: click.Context, option: click.Parameter, file: TextIO | None
) -> dict[str, Any] | None:
    """Read what an earlier run printed, or say that it is not that."""
    if file is None:
        return None
    try:
        earlier: dict[str, Any] = json.load(file)
        {row["name"]: (row["bytes"], row["rows"]) for row in earlier["tables"]}
    except (ValueError, TypeError, KeyError):
        message = f"{file.name} is not what `dbkit monitor SYSTEM --json` printed"
        raise click.BadParameter(message, context, option) from None
    return earlier


@click.command("monitor", epilog="Example: dbkit monitor mrwa --most 5")
@system_argument
@click.option(
    "--most",
    "max_rows",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="The maximum number of rows of each list.",
)
@click.option(
    "--since",
    "earlier",
    type=click.File(encoding="utf-8"),
    callback=_read_earlier,
    metavar="FILE",
    help="What --json printed before: each table says how much it grew since then.",
)
@json_option
@url_option
def command(
    name: str, max_rows: int, earlier: dict[str, Any] | None, as_json: bool, url: str | None
) -> None:
    """Show the health of SYSTEM's database without changing anything.

    How full the pools of connections are, sizes, unused indexes, cache hits, open transactions,
    locks, who waits for whom, and the slowest statements by the names of their query files. No
    lock is waited for.
    """
    project = open_project()
    system = project.system(name)
    queries: QueriesByName = {}
    if system.sql.is_dir():
        queries = load(system.sql, root=project.settings.root)
    with project.database(system, url).connect() as connection:
        health = read_health(connection, queries, max_rows=max_rows)
    if earlier is not None:
        health = with_growth(health, earlier)
    if as_json:
        click.echo(json.dumps({"name": name, **health.as_json()}))
    else:
        _print(health)


def _print(health: Health) -> None:
    connections, cache = health.facts["connections"], health.facts["cache"]
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
    for name, rows in health.lists.items():
        _print_list(_TITLES[name], rows)
    if health.statements is None:
        click.echo(f"\nthe server does not count slow statements; {health.missing}")
    else:
        _print_list(
            "Statements: first those above a second in the mean, then the slowest in total",
            health.statements,
        )


def _print_list(title: str, rows: list[HealthRow]) -> None:
    click.echo(f"\n{title}" + ("" if rows else ": none"))
    if not rows:
        return
    headers = [key for key in rows[0] if not key.endswith("query_name")]
    numeric = {
        key for key in headers if all(isinstance(row[key], int | float | None) for row in rows)
    }
    print_table(headers, [[_cell(key, row) for key in headers] for row in rows], numeric=numeric)


def _cell(key: str, row: HealthRow) -> str:
    value = row[key]
    if value is None:
        return ""
    if key.endswith("query"):
        name = row[f"{key}_name"]
        text = str(value)
        return name or (text if len(text) <= _MAX_STATEMENT else f"{text[: _MAX_STATEMENT - 1]}…")
    if key.endswith("bytes"):
        return _size(int(value))
    if isinstance(value, float):
        return f"{value * _PERCENT:.0f} %" if key == "utilization" else f"{value:,.1f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return text_value(value)


def _size(number: float) -> str:
    if number < 0:
        return f"-{_size(-number)}"
    for unit in ("B", "kB", "MB", "GB"):
        if number < _KIB:
            return f"{number:.0f} {unit}"
        number /= _KIB
    return f"{number:.1f} TB"
