"""`dbkit generate`: write the typed functions of query files."""

from typing import TYPE_CHECKING

import click

from dbkit.cli.connecting import Project, only_one_with_url, opened, url_option
from dbkit.codegen import (
    NoPackage,
    NotCurrent,
    NotMigrated,
    find_stale,
    generate_system,
    package_folder,
    write_package,
)
from dbkit.migrations import UP_TO_DATE, never_migrated, read_files, read_status
from dbkit.settings import System

if TYPE_CHECKING:
    from dbkit.migrations import Status


@click.command("generate", epilog="Example: dbkit generate myloware && git diff dbkit/systems")
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...")
@click.option("--check", is_flag=True, help="Only say what is not current; needs no server.")
@url_option
def command(systems: tuple[str, ...], check: bool, url: str | None) -> None:
    """Write the Python package of each SYSTEM's query files, or of all that name one.

    The types come from the migrated database, which is left as it was.
    """
    project = Project()
    chosen = project.systems(systems)
    only_one_with_url(chosen, url)
    if not systems:
        named = [system for system in chosen if system.package is not None]
        if not named:
            raise NoPackage(chosen[0].name)
        chosen = named
    for system in chosen:
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
    place = project.place(system, url)
    if place.embedded is not None and not place.embedded.has_database(system.name):
        _refuse_unmigrated(never_migrated(files))
    with opened(place) as connection:
        _refuse_unmigrated(read_status(files, connection))
        texts = generate_system(system, root, connection)
    written = write_package(texts)
    for path in (*written.changed, *written.removed):
        verb = "removed" if path in written.removed else "written"
        click.echo(f"{system.name}: {path.relative_to(root)} {verb}")
    if not written.changed and not written.removed:
        click.echo(f"{system.name}: {package.relative_to(root)} is current")


def _refuse_unmigrated(status: "Status") -> None:
    if status.exit_code == UP_TO_DATE:
        return
    problems = [problem.message for problem in status.problems]
    problems += [f"{migration.name} is pending" for migration in status.pending]
    problems += [f"{file.shown} is to be applied" for file in status.pending_objects]
    raise NotMigrated(status.name, tuple(problems))
