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
from dbkit.cli.reporting import (
    lock_timeout_option,
    outcome_json,
    print_plan,
    print_up_to_date,
    reporter,
    statement_timeout_option,
    wait_option,
)
from dbkit.migrations import NotForDevelopment, Outcome, Runner, Timeouts, read_files


@click.command("migrate", epilog="Example: dbkit migrate myloware --to 4")
@systems_argument
@click.option("--to", type=click.IntRange(min=0), metavar="N", help="Stop at version N.")
@click.option("--plan", is_flag=True, help="Only print what would be run.")
@wait_option
@lock_timeout_option
@statement_timeout_option
@click.option("--drop-gone", is_flag=True, help="Drop views and functions whose file was deleted.")
@click.option(
    "--out-of-order",
    is_flag=True,
    help="Also run what comes before the newest migration applied, and note it in the ledger.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="Make a database for development as this checkout is; takes back what it does not have.",
)
@url_option
@json_option
def command(
    names: tuple[str, ...],
    to: int | None,
    plan: bool,
    wait: float,
    lock_timeout: float | None,
    statement_timeout: float | None,
    drop_gone: bool,
    out_of_order: bool,
    follow: bool,
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
    if follow and (to is not None or out_of_order or drop_gone):
        raise click.UsageError("--follow goes to the newest migration of the files, and alone")
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
            runner = Runner(
                files, connection, progress, Timeouts(lock_timeout, statement_timeout), wait
            )
            if follow:
                if not system.development and database.embedded is None:
                    raise NotForDevelopment(system.name)
                outcome = runner.plan_follow() if plan else runner.follow()
            else:
                run = runner.plan_migrate if plan else runner.migrate
                outcome = run(to, drop_gone=drop_gone, out_of_order=out_of_order)
        outcomes.append(outcome)
        if as_json:
            continue
        if plan:
            print_plan(outcome, "would run")
        elif not outcome.changed:
            print_up_to_date(outcome)
    if as_json:
        click.echo(json.dumps({"systems": [outcome_json(outcome) for outcome in outcomes]}))
