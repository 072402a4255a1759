"""`dbkit generate`: write the typed functions of query files."""

import click

from dbkit.cli.options import open_project, refuse_shared_url, systems_argument, url_option
from dbkit.codegen import (
    NoPackage,
    NotCurrent,
    NotMigrated,
    find_stale,
    generate_system,
    package_folder,
    write_package,
)
from dbkit.migrations import UP_TO_DATE, Status, never_migrated, read_files, read_status
from dbkit.projects import Project
from dbkit.settings import System


@click.command("generate", epilog="Example: dbkit generate && git diff")
@systems_argument
@click.option(
    "--check", is_flag=True, help="Only report files that are not current; needs no server."
)
@url_option
def command(names: tuple[str, ...], check: bool, url: str | None) -> None:
    """Write the Python package of the query files of each SYSTEM, or of all systems.

    The types come from the migrated database, which is not changed. Without a SYSTEM, these are
    all systems whose settings name a package.
    """
    project = open_project()
    systems = project.systems(names)
    refuse_shared_url(systems, url)
    if not names:
        with_package = [system for system in systems if system.package is not None]
        if not with_package:
            raise NoPackage(systems[0].name)
        systems = with_package
    for system in systems:
        if check:
            _check(project, system)
        else:
            _generate(project, system, url)


def _check(project: Project, system: System) -> None:
    package = package_folder(system, project.settings.root)
    reasons = find_stale(system.sql, package)
    if reasons:
        raise NotCurrent(system.name, reasons)


def _generate(project: Project, system: System, url: str | None) -> None:
    root = project.settings.root
    package = package_folder(system, root)
    files = read_files(system, root)
    database = project.database(system, url)
    if not database.exists():
        _refuse_unmigrated(never_migrated(files))
    with database.connect() as connection:
        _refuse_unmigrated(read_status(files, connection))
        texts = generate_system(system, root, connection)
    written = write_package(texts)
    for path in (*written.changed, *written.removed):
        verb = "removed" if path in written.removed else "written"
        click.echo(f"{system.name}: {path.relative_to(root)} {verb}")
    if not written.changed and not written.removed:
        click.echo(f"{system.name}: {package.relative_to(root)} is current")


def _refuse_unmigrated(status: Status) -> None:
    if status.exit_code == UP_TO_DATE:
        return
    problems = [problem.message for problem in status.problems]
    problems += [f"{migration.name} is pending" for migration in status.pending]
    problems += [f"{file.shown} is to be applied" for file in status.pending_objects]
    problems += [f"{row.direction} of {row.name} is half done" for row in status.half_done]
    command = None if status.problems else f"dbkit migrate {status.name}"
    if status.half_done:
        command = status.half_done[0].command(status.name)
    raise NotMigrated(status.name, tuple(problems), command)
