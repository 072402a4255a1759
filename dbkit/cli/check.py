"""`dbkit check`: everything that CI should know of a project's SQL."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import click
import psycopg

from dbkit.check import CheckReport, Finding, check_system
from dbkit.cli.cells import printable
from dbkit.cli.connecting import Project, json_option, only_one_with_url, opened, url_option
from dbkit.cli.counting import count_of
from dbkit.cli.watching import watched
from dbkit.settings import System


@click.command("check", epilog="Example: dbkit check --json | jq .systems[].findings")
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...")
@url_option
@json_option
@click.pass_context
def command(
    context: click.Context, systems: tuple[str, ...], url: str | None, as_json: bool
) -> None:
    """Compare the files of each SYSTEM, or of all, with its database; tell what is wrong.

    Migrations, query files in every combination of their parts, and generated code. Changes
    nothing. Ends with 0 where nothing is wrong; a warning is no reason to fail.
    """
    project = Project()
    chosen = project.systems(systems)
    only_one_with_url(chosen, url)
    with watched() as told:
        reports = [
            check_system(system, project.settings.root, _database(project, system, url), told)
            for system in chosen
        ]
    if as_json:
        click.echo(json.dumps({"systems": [report.as_json() for report in reports]}))
    else:
        _say(reports)
    context.exit(int(any(report.findings for report in reports)))


@contextmanager
def _database(
    project: Project, system: System, url: str | None
) -> Generator[psycopg.Connection[Any] | None]:
    """Connect, and make no database of the embedded server's that is not there."""
    place = project.place(system, url)
    if place.embedded is not None and not place.embedded.has_database(system.name):
        yield None
        return
    with opened(place) as connection:
        yield connection


def _say(reports: list[CheckReport]) -> None:
    for report in reports:
        for finding in report.findings:
            _say_one(report, finding)
    for report in reports:
        for warning in report.warnings:
            _say_one(report, warning)
    for report in reports:
        click.echo(_totals(report))


def _say_one(report: CheckReport, finding: Finding) -> None:
    # the sentence of a migration begins with its file
    is_placed = finding.path is not None and finding.path not in finding.message
    place = finding.place if is_placed else f"{report.name}:"
    label = click.style("warning: ", fg="yellow", bold=True) if finding.is_warning else ""
    click.echo(f"{printable(place)} {label}{printable(finding.message)}")
    if finding.snippet:
        click.echo(printable(finding.snippet))


def _totals(report: CheckReport) -> str:
    parts = [
        count_of(len(report.queries), "query", "queries"),
        count_of(report.combinations, "combination"),
    ]
    if len(report.typed) == len(report.queries):
        parts.append(f"{count_of(report.columns, 'column')} ({report.nullable} may be null)")
    else:
        parts.append(f"{len(report.typed)} of them typed")
    verdict = click.style(count_of(len(report.findings), "finding"), fg="red", bold=True)
    if not report.findings:
        verdict = click.style("no findings", fg="green")
    if report.warnings:
        verdict += f", {count_of(len(report.warnings), 'warning')}"
    return f"{report.name}: {', '.join(parts)}: {verdict}"
