"""`dbkit renumber`: give migrations new numbers after a merge."""

import click

from dbkit.cli.options import open_project, system_argument, url_option
from dbkit.migrations import names_at, plan_renumbering, read_files, read_ledger, renumber


@click.command("renumber", epilog="Example: dbkit renumber myloware --base origin/main --plan")
@system_argument
@click.option(
    "--base",
    metavar="REF",
    help="Keep the numbers of the files that this branch or commit of git has.",
)
@click.option("--plan", is_flag=True, help="Only print what would be renamed.")
@url_option
def command(name: str, base: str | None, plan: bool, url: str | None) -> None:
    """Give migrations of SYSTEM new numbers after a merge; touches files only.

    Where a number is taken twice, or one is missing, the files that REF has keep theirs; without
    --base those keep theirs that the database has applied. The others follow in their order,
    with their rollbacks and with the `-- after` and `-- depends` lines that name them.
    """
    project = open_project()
    system = project.system(name)
    files = read_files(system, project.settings.root)
    if base is not None:
        kept = names_at(system.migrations, base)
    else:
        kept = set[str]()
        database = project.database(system, url)
        if database.exists():
            with database.connect() as connection:
                ledger = read_ledger(connection, name, files.versions)
            kept = {applied.name for applied in ledger.applied}
    renamings = plan_renumbering(files, kept)
    if not plan:
        renumber(files, renamings)
    verb = "would be" if plan else "is now"
    for renaming in renamings:
        click.echo(f"{name}: {renaming.file.name} {verb} {renaming.name}")
    if not renamings:
        click.echo(f"{name}: every migration has its number")
