"""`dbkit check`: everything that CI should know of a project's SQL."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
import psycopg

from dbkit.check import RULES, CheckReport, Finding, check_system, explain
from dbkit.cli.bars import spinner_when_slow
from dbkit.cli.completing import complete_system
from dbkit.cli.failures import with_urls
from dbkit.cli.findingformats import FORMATS, Findings
from dbkit.cli.options import json_option, open_project, refuse_shared_url, url_option
from dbkit.cli.printing import count_of, printable
from dbkit.projects import Project
from dbkit.settings import System

_EXAMPLES = """\b
Example: dbkit check --json | jq .systems[].findings
Example: dbkit check --format github      lines of a pull request, in a workflow of GitHub's
Example: dbkit check --explain            all rules
Example: dbkit check --explain unordered  one rule, with the way out
"""


@click.command("check", epilog=_EXAMPLES)
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...", shell_complete=complete_system)
@click.option(
    "--explain",
    "rule",
    metavar="[RULE]",
    is_flag=False,
    flag_value="",
    help="Explain a rule, or list them all; needs no database.",
)
@click.option(
    "--base",
    metavar="REF",
    help="Hold the migrations against those of a branch of git, such as origin/main.",
)
@url_option
@json_option
@click.option(
    "--format",
    "format_",
    type=click.Choice([*FORMATS]),
    help="Print the findings for a pull request on GitHub, a code scanner or an editor.",
)
@click.pass_context
def command(
    context: click.Context,
    systems: tuple[str, ...],
    rule: str | None,
    base: str | None,
    url: str | None,
    as_json: bool,
    format_: str | None,
) -> None:
    """Compare the files of each SYSTEM, or of all, with its database; tell what is wrong.

    Migrations, query files in every combination of their parts, and generated code. Changes
    nothing. Ends with 0 where nothing is wrong; a warning is no reason to fail. Each finding
    ends with the name of its rule.
    """
    if rule is not None:
        click.echo(explain(RULES.named(rule)) if rule else _listed(), nl=False)
        return
    if as_json and format_:
        raise click.UsageError("--json and --format are two ways to print; give one of them")
    project = open_project()
    chosen = project.systems(systems)
    refuse_shared_url(chosen, url)
    with spinner_when_slow() as told:
        reports = [
            check_system(
                system, project.settings.root, _database(project, system, url), told, base=base
            )
            for system in chosen
        ]
    if format_:
        said = partial(with_urls, url=url)
        click.echo(FORMATS[format_](Findings(project.settings.root, reports, said)), nl=False)
    elif as_json:
        click.echo(json.dumps({"systems": [_as_json(report, url) for report in reports]}))
    else:
        _say(reports, url)
    context.exit(int(any(report.findings for report in reports)))


def _listed() -> str:
    width = max(len(rule.name) for rule in RULES)
    return "".join(f"{rule.name:<{width}}  {rule.severity:<7}  {rule.why}\n" for rule in RULES)


@contextmanager
def _database(
    project: Project, system: System, url: str | None
) -> Generator[psycopg.Connection[Any] | None]:
    """Connect; where the embedded server has no such database, give None and make none."""
    database = project.database(system, url)
    if not database.exists():
        yield None
        return
    with database.connect() as connection:
        yield connection


def _as_json(report: CheckReport, url: str | None) -> dict[str, Any]:
    told = report.as_json()
    for finding in (*told["findings"], *told["warnings"]):
        finding["message"] = with_urls(finding["message"], url)
    return told


def _say(reports: list[CheckReport], url: str | None) -> None:
    for report in reports:
        for finding in report.findings:
            _say_finding(report, finding, url)
    for report in reports:
        for warning in report.warnings:
            _say_finding(report, warning, url)
    for report in reports:
        click.echo(_totals(report))


def _say_finding(report: CheckReport, finding: Finding, url: str | None) -> None:
    # the sentence of a migration begins with its file
    is_placed = finding.path is not None and finding.path not in finding.message
    place = finding.place if is_placed else f"{report.name}:"
    label = click.style("warning: ", fg="yellow", bold=True) if finding.is_warning else ""
    message = printable(with_urls(finding.message, url))
    rule = click.style(f"[{finding.rule}]", dim=True)
    click.echo(f"{printable(place)} {label}{message} {rule}")
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
