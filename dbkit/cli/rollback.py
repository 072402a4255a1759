"""`dbkit rollback`: undo migrations with their rollback files."""

import json

import click

from dbkit.cli.failures import standing_told, with_url
from dbkit.cli.options import json_option, open_project, system_argument, url_option
from dbkit.cli.reporting import (
    lock_timeout_option,
    outcome_json,
    print_plan,
    reporter,
    statement_timeout_option,
    wait_option,
)
from dbkit.migrations import Runner, Timeouts, read_files


@click.command("rollback", epilog="Example: dbkit rollback myloware --steps 2 --plan")
@system_argument
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="How many to undo; 1 by default."
)
@click.option(
    "--to", type=click.IntRange(min=0), metavar="N", help="Undo all migrations after version N."
)
@click.option("--plan", is_flag=True, help="Only print what would be undone.")
@wait_option
@lock_timeout_option
@statement_timeout_option
@url_option
@json_option
def command(
    name: str,
    steps: int | None,
    to: int | None,
    plan: bool,
    wait: float,
    lock_timeout: float | None,
    statement_timeout: float | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Undo the newest migration of SYSTEM, or several, with their rollback files.

    Views, functions and triggers are dropped first. Those that the older version allows are
    created again.
    """
    if steps is not None and to is not None:
        raise click.UsageError("--steps and --to say the same thing twice; give one of them")
    project = open_project()
    system = project.system(name)
    files = read_files(system, project.settings.root)
    database = project.database(system, url)
    with database.connect() as connection, reporter(name, as_json) as progress:
        runner = Runner(
            files, connection, progress, Timeouts(lock_timeout, statement_timeout), wait
        )
        target = to if to is not None else runner.steps_back(steps or 1)
        # to the same version: as many steps again might be too many
        again = with_url(f"dbkit rollback {name} --to {target}", url)
        with standing_told(database, files, again):
            outcome = runner.plan_rollback(target) if plan else runner.rollback(target)
    if as_json:
        click.echo(json.dumps({"systems": [outcome_json(outcome)]}))
    elif plan:
        print_plan(outcome, "would undo")
    elif not outcome.changed:
        click.echo(f"{name}: nothing to undo at version {outcome.after}")
