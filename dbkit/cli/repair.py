"""`dbkit repair`: accept one difference between a file and the ledger, and note why."""

import click

from dbkit.cli.options import open_project, system_argument, url_option
from dbkit.cli.reporting import reporter, wait_option
from dbkit.migrations import Runner, read_files


@click.command("repair", epilog='Example: dbkit repair myloware 3 --because "a comment was wrong"')
@system_argument
@click.argument("version", type=click.IntRange(min=1), metavar="N")
@click.option("--because", required=True, metavar="WHY", help="The reason, which the ledger keeps.")
@wait_option
@url_option
def command(name: str, version: int, because: str, wait: float, url: str | None) -> None:
    """Accept what differs between migration N of SYSTEM and the ledger, and run nothing.

    That is one edit of its file after it ran, another name or number of the same SQL, or a row of
    the ledger that a person wrote. Everything else stays as it is.
    """
    if not because.strip():
        raise click.UsageError("--because needs a reason")
    project = open_project()
    system = project.system(name)
    files = read_files(system, project.settings.root)
    database = project.database(system, url)
    with database.connect() as connection, reporter(name, as_json=False) as progress:
        what = Runner(files, connection, progress, wait=wait).repair(version, because.strip())
    click.echo(f"{name}: accepted {what}; nothing was run")
