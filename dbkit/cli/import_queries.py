"""`dbkit import-queries`: bring the query files of sqlc or aiosql here."""

import json
from pathlib import Path

import click

from dbkit.cli.options import json_option, open_project, system_argument
from dbkit.cli.printing import count_of
from dbkit.operations import QUERY_FORMATS, BroughtQueries, convert_queries, write_queries

_BY_HAND = 1


@click.command("import-queries", epilog="Example: dbkit import-queries sqlc db/queries shop")
@click.argument("tool", metavar="FORMAT", type=click.Choice(QUERY_FORMATS))
@click.argument("folder", type=click.Path(path_type=Path))
@system_argument
@click.option("--plan", is_flag=True, help="Only show what would be written.")
@json_option
def command(tool: str, folder: Path, name: str, plan: bool, as_json: bool) -> int:
    """Bring the query files in FOLDER, which sqlc or aiosql reads, into SYSTEM.

    FORMAT is aiosql or sqlc. Names, kinds and parameters get the form that psql and dbkit read;
    all else stays as it is. Every query is written. What cannot be said here is named with file
    and line, and the exit code is 1. Nothing is overwritten.
    """
    project = open_project()
    system, root = project.system(name), project.settings.root
    brought = convert_queries(tool, folder, system, root)
    if not plan:
        write_queries(brought)
    if as_json:
        click.echo(json.dumps(_json(name, brought, root, written=not plan)))
    else:
        _print(name, brought, root, written=not plan)
    return _BY_HAND if brought.by_hand else 0


def _print(system: str, brought: BroughtQueries, root: Path, *, written: bool) -> None:
    for file in brought.files:
        verb = "is there already, as" if file.is_there else "was"
        click.echo(f"{system}: {_shown(file.path, root)} {verb} {file.was}")
        for query in file.queries:
            renamed = f"was {query.was}" if query.name.partition(".")[2] != query.was else ""
            numbers = ", ".join(f"{one.number} is :'{one.name}'" for one in query.numbered)
            unnamed = ", ".join(f":'{one.name}'" for one in query.numbered if not one.is_plain)
            said = [renamed, numbers, f"no column tells a name for {unnamed}" if unnamed else ""]
            if any(said):
                click.echo(f"{system}: {query.name} {'; '.join(filter(None, said))}")
    for note in brought.notes:
        click.echo(f"{system}: {note}")
    new = [file for file in brought.files if not file.is_there]
    queries = count_of(sum(len(file.queries) for file in new), "query", "queries")
    verb = "wrote" if written else "would write"
    click.echo(f"{system}: {verb} {count_of(len(new), 'file')} with {queries}")
    if brought.by_hand:
        places = count_of(len(brought.by_hand), "place")
        click.echo(f"{system}: {places} cannot be carried over; change by hand:", err=True)
        for line in brought.by_hand:
            click.echo(f"  {line}", err=True)
    if written:
        click.echo(f"{system}: run `dbkit check {system}` next")


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _json(system: str, brought: BroughtQueries, root: Path, *, written: bool) -> dict[str, object]:
    return {
        "name": system,
        "files": [
            {
                "path": _shown(file.path, root),
                "was": file.was,
                "new": not file.is_there,
                "queries": [
                    {
                        "name": query.name,
                        "was": query.was,
                        "numbered": {one.number: one.name for one in query.numbered},
                    }
                    for query in file.queries
                ],
            }
            for file in brought.files
        ],
        "notes": list(brought.notes),
        "by_hand": list(brought.by_hand),
        "written": written,
    }
