"""`dbkit resume`: say whether a statement that nobody saw the end of is done."""

import click

from dbkit.cli.options import open_project, system_argument, url_option
from dbkit.cli.reporting import reporter, wait_option
from dbkit.migrations import Runner, read_files


@click.command("resume", epilog="Example: dbkit resume myloware --done")
@system_argument
@click.option("--done", "answer", flag_value="done", help="It is done: go on after it.")
@click.option("--again", "answer", flag_value="again", help="It is not: run it again.")
@wait_option
@url_option
def command(name: str, answer: str | None, wait: float, url: str | None) -> None:
    """Answer whether the statement that was under way when a run was lost is done.

    Only a statement that cannot run in a transaction, and of which the catalog tells nothing, such
    as a call that commits, needs an answer. `dbkit status` shows which. Then the migration of
    SYSTEM that it belongs to is finished.
    """
    if answer is None:
        raise click.UsageError("say what you found in the database: --done or --again")
    project = open_project()
    system = project.system(name)
    files = read_files(system, project.settings.root)
    database = project.database(system, url)
    with database.connect() as connection, reporter(name, as_json=False) as progress:
        outcome = Runner(files, connection, progress, wait=wait).resume(done=answer == "done")
    click.echo(f"{name}: at version {outcome.after}")
