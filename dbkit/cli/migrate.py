"""`dbkit migrate`: bring databases to their newest version."""

import json

import click

from dbkit.cli.failures import standing_told, with_url
from dbkit.cli.options import (
    json_option,
    open_project,
    refuse_shared_url,
    systems_argument,
    url_option,
)
from dbkit.cli.reporting import outcome_json, print_plan, reporter, wait_option
from dbkit.migrations import Outcome, Runner, read_files


@click.command("migrate", epilog="Example: dbkit migrate myloware --to 4")
@systems_argument
@click.option("--to", type=click.IntRange(min=0), metavar="N", help="Stop at version N.")
@click.option("--plan", is_flag=True, help="Only print what would be run.")
@wait_option
@click.option("--drop-gone", is_flag=True, help="Drop views and functions whose file was deleted.")
@url_option
@json_option
def command(
    names: tuple[str, ...],
    to: int | None,
    plan: bool,
    wait: float,
    drop_gone: bool,
    url: str | None,
    as_json: bool,
) -> None:
    """Run the pending migrations of each SYSTEM, or of all systems.

    Each migration and its record in the ledger are one transaction: after a failure neither of
    them is there.
    """
    project = open_project()
    systems = project.systems(names)
    refuse_shared_url(systems, url)
    if to is not None and len(systems) != 1:
        raise click.UsageError("--to belongs to one system; name it")
    outcomes: list[Outcome] = []
    for system in systems:
        files = read_files(system, project.settings.root)
        database = project.database(system, url)
        again = f"dbkit migrate {system.name}" + ("" if to is None else f" --to {to}")
        done = [outcome_json(outcome) for outcome in outcomes]
        with (
            standing_told(database, files, with_url(again, url), done),
            database.connect() as connection,
            reporter(system.name, as_json) as progress,
        ):
            runner = Runner(files, connection, progress, wait=wait)
            if plan:
                outcome = runner.plan_migrate(to, drop_gone=drop_gone)
            else:
                outcome = runner.migrate(to, drop_gone=drop_gone)
        outcomes.append(outcome)
        if as_json:
            continue
        if plan:
            print_plan(outcome, "would run")
        elif not outcome.changed:
            ahead = (
                f"; the database is ahead by {', '.join(outcome.ahead)}" if outcome.ahead else ""
            )
            click.echo(f"{outcome.system}: up to date at version {outcome.after}{ahead}")
    if as_json:
        click.echo(json.dumps({"systems": [outcome_json(outcome) for outcome in outcomes]}))
