"""`dbkit import`: bring the migrations of another tool here, and prove that nothing changed."""

import json
from pathlib import Path

import click

from dbkit.cli.bars import spinner_when_slow
from dbkit.cli.options import json_option, open_project, system_argument, url_option
from dbkit.cli.printing import count_of
from dbkit.migrations import read_files
from dbkit.operations import (
    HISTORY_FORMATS,
    Conversion,
    Programs,
    SchemaProof,
    convert_history,
    prove_conversion,
    read_history,
    write_conversion,
)
from dbkit.projects import Project

_DIFFERENT = 1


@click.command("import", epilog="Example: dbkit import goose db/migrations shop")
@click.argument("tool", metavar="FORMAT", type=click.Choice(sorted(HISTORY_FORMATS)))
@click.argument("folder", type=click.Path(path_type=Path))
@system_argument
@click.option("--plan", is_flag=True, help="Only show what would be written.")
@click.option("--no-proof", is_flag=True, help="Do not run the old and the new files.")
@json_option
@url_option
def command(
    tool: str,
    folder: Path,
    name: str,
    plan: bool,
    no_proof: bool,
    as_json: bool,
    url: str | None,
) -> int:
    """Bring the migrations in FOLDER, which another tool ran, into SYSTEM.

    FORMAT is alembic, dbmate, diesel, flyway, golang-migrate, goose, plain, refinery, sql-migrate
    or sqlx. The files are numbered in the tool's own order; what cannot be brought here is named
    with file and line, and then nothing is written. Afterwards psql runs the old files and dbkit
    the new ones in two scratch databases, and both must come out with the same schema.
    """
    project = open_project()
    system = project.system(name)
    history = read_history(tool, folder, system)
    conversion = convert_history(history)
    if not plan:
        write_conversion(conversion, system)
    if not as_json:
        _print(name, conversion, written=not plan)
    proof: SchemaProof | None = None
    if not plan and not no_proof:
        database = project.database(system, url)
        files = read_files(system, project.settings.root)
        with database.connect() as model, spinner_when_slow() as show_step:
            programs = Programs(project.settings.postgres, show_step)
            proof = prove_conversion(model, database.url, (history, conversion), files, programs)
    if as_json:
        click.echo(json.dumps(_json(name, conversion, proof, written=not plan)))
    elif proof is not None:
        _print_proof(name, proof, project)
    return 0 if proof is None or proof.holds else _DIFFERENT


def _print(system: str, conversion: Conversion, *, written: bool) -> None:
    for new in conversion.migrations:
        rollback = "" if new.down is not None else ", no rollback"
        click.echo(f"{system}: {new.name}.sql was {new.was}{rollback}")
    for made in conversion.objects:
        click.echo(f"{system}: _objects/{made.name}.sql was {made.was}")
    for note in conversion.notes:
        click.echo(f"{system}: {note}")
    verb = "wrote" if written else "would write"
    click.echo(f"{system}: {verb} {count_of(len(conversion.migrations), 'migration')}")


def _print_proof(system: str, proof: SchemaProof, project: Project) -> None:
    del project
    for note in proof.notes:
        click.echo(f"{system}: {note}")
    if proof.holds:
        back = f", and back to version {proof.down_to}" if proof.down_to < proof.up_to else ""
        click.echo(
            f"{system}: psql with the old files and dbkit with the new ones make the same schema, "
            f"up to version {proof.up_to}{back}"
        )
        return
    click.echo(
        f"{system}: psql with the old files and dbkit with the new ones do not agree "
        f"at version {proof.down_to}:",
        err=True,
    )
    for difference in proof.differences:
        click.echo(f"  {difference}", err=True)
    click.echo(f"{system}: the files that were written stay where they are", err=True)


def _json(
    system: str, conversion: Conversion, proof: SchemaProof | None, *, written: bool
) -> dict[str, object]:
    return {
        "name": system,
        "migrations": [
            {
                "version": new.version,
                "name": new.name,
                "was": new.was,
                "rollback": new.down is not None,
                "transactional": new.transactional,
            }
            for new in conversion.migrations
        ],
        "objects": [{"name": made.name, "was": made.was} for made in conversion.objects],
        "notes": list(conversion.notes),
        "written": written,
        "proof": proof and {**proof._asdict(), "holds": proof.holds},
    }
