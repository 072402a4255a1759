"""`dbkit migrate`: bring databases to their newest version."""

import json

import click

from dbkit.cli.connecting import (
    Project,
    json_option,
    only_one_with_url,
    opened,
    url_option,
    wait_option,
)
from dbkit.cli.telling import outcome_json, reporter, say_plan
from dbkit.migrations import Outcome, Runner, read_files


@click.command("migrate", epilog="Example: dbkit migrate myloware --to 4")
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...")
@click.option("--to", type=click.IntRange(min=0), metavar="N", help="Stop at this version.")
@click.option("--plan", is_flag=True, help="Only say what would be run; writes nothing.")
@wait_option
@click.option("--drop-gone", is_flag=True, help="Drop views and functions whose file is gone.")
@url_option
@json_option
def command(
    systems: tuple[str, ...],
    to: int | None,
    plan: bool,
    wait: float,
    drop_gone: bool,
    url: str | None,
    as_json: bool,
) -> None:
    """Run the migrations that are pending, of all systems when none is named.

    Each migration runs in one transaction with its record: it is there whole, or not at all.
    """
    project = Project()
    chosen = project.systems(systems)
    only_one_with_url(chosen, url)
    if to is not None and len(chosen) != 1:
        raise click.UsageError("--to belongs to one system; name it")
    outcomes: list[Outcome] = []
    for system in chosen:
        files = read_files(system, project.settings.root)
        place = project.place(system, url)
        with opened(place) as connection, reporter(system.name, as_json) as told:
            runner = Runner(files, connection, told, wait=wait)
            if plan:
                outcome = runner.plan_migrate(to, drop_gone=drop_gone)
            else:
                outcome = runner.migrate(to, drop_gone=drop_gone)
        outcomes.append(outcome)
        if not as_json:
            say_plan(outcome, "would run") if plan else _say_done(outcome)
    if as_json:
        click.echo(json.dumps({"systems": [outcome_json(outcome) for outcome in outcomes]}))


def _say_done(outcome: Outcome) -> None:
    if not outcome.changed:
        click.echo(f"{outcome.system}: up to date at version {outcome.after}")
