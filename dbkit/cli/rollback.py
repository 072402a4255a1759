"""`dbkit rollback`: undo the newest migrations of a system."""

import json

import click

from dbkit.cli.connecting import Project, json_option, opened, url_option, wait_option
from dbkit.cli.telling import outcome_json, reporter, say_plan
from dbkit.migrations import Runner, read_files


@click.command("rollback", epilog="Example: dbkit rollback myloware --steps 2 --plan")
@click.argument("system")
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="How many to undo; 1 by default."
)
@click.option("--to", type=click.IntRange(min=0), metavar="N", help="Undo all above this version.")
@click.option("--plan", is_flag=True, help="Only say what would be undone; writes nothing.")
@wait_option
@url_option
@json_option
def command(
    system: str,
    steps: int | None,
    to: int | None,
    plan: bool,
    wait: float,
    url: str | None,
    as_json: bool,
) -> None:
    """Undo the newest migration of SYSTEM, or several, by their rollback files.

    Views, functions and triggers are taken down first; those that can stand at the older
    version are put back.
    """
    if steps is not None and to is not None:
        raise click.UsageError("--steps and --to say the same thing twice; give one of them")
    project = Project()
    [chosen] = project.systems((system,))
    files = read_files(chosen, project.settings.root)
    place = project.place(chosen, url)
    with opened(place) as connection, reporter(system, as_json) as told:
        runner = Runner(files, connection, told, wait=wait)
        target = to if to is not None else runner.steps_back(steps or 1)
        outcome = runner.plan_rollback(target) if plan else runner.rollback(target)
    if as_json:
        click.echo(json.dumps({"systems": [outcome_json(outcome)]}))
    elif plan:
        say_plan(outcome, "would undo")
    elif not outcome.changed:
        click.echo(f"{system}: nothing to undo at version {outcome.after}")
