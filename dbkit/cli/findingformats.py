"""Write the findings of a check for other programs: an editor, a pull request, a scanner."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dbkit import __version__
from dbkit.check import RULES, CheckReport, Finding

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_LSP_ERROR, _LSP_WARNING = 1, 2
# what a workflow command of GitHub's takes for something else, in its text and in its properties
_IN_TEXT = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = _IN_TEXT | str.maketrans({":": "%3A", ",": "%2C"})


@dataclass(frozen=True)
class Findings:
    """The findings of all systems, and the project that their paths are of."""

    root: Path
    reports: Sequence[CheckReport]
    # takes what is secret out of a sentence
    said: Callable[[str], str]

    def __iter__(self) -> Iterator[tuple[CheckReport, Finding]]:
        for report in self.reports:
            for finding in (*report.findings, *report.warnings):
                yield report, finding

    def sentence(self, report: CheckReport, finding: Finding) -> str:
        """Return what a finding says; one without a place names its system."""
        said = self.said(finding.message)
        return said if finding.path else f"{report.name}: {said}"

    def path(self, finding: Finding) -> Path:
        """Return the file of a finding; for one about a folder or none, that of the settings."""
        path = self.root / finding.path if finding.path else None
        return path if path is not None and path.is_file() else self._settings

    @cached_property
    def repository(self) -> Path:
        """The folder that a pull request names files from: the one with .git, or the project's."""
        above = (self.root, *self.root.parents)
        return next((folder for folder in above if (folder / ".git").exists()), self.root)

    def in_repository(self, finding: Finding) -> str:
        """Return the path of a finding as a pull request has it."""
        path = self.path(finding)
        inside = path.is_relative_to(self.repository)
        return (path.relative_to(self.repository) if inside else path).as_posix()

    @cached_property
    def _settings(self) -> Path:
        plain = self.root / "dbkit.toml"
        return plain if plain.is_file() else self.root / "pyproject.toml"


def as_github(findings: Findings) -> str:
    """Return workflow commands, which GitHub shows at the lines of a pull request."""
    return "".join(f"{_command(findings, *each)}\n" for each in findings)


def _command(findings: Findings, report: CheckReport, finding: Finding) -> str:
    properties = {"file": findings.in_repository(finding)}
    if finding.line:
        properties["line"] = str(finding.line)
    if finding.column:
        properties["col"] = str(finding.column)
    properties["title"] = f"dbkit {finding.rule}"
    told = ",".join(f"{key}={text.translate(_IN_PROPERTY)}" for key, text in properties.items())
    sentence = findings.sentence(report, finding).translate(_IN_TEXT)
    return f"::{'warning' if finding.is_warning else 'error'} {told}::{sentence}"


def as_sarif(findings: Findings) -> str:
    """Return one run of SARIF 2.1.0, with the rules that found something."""
    results = list(findings)
    names = sorted({finding.rule for _, finding in results})
    driver = {
        "name": "dbkit",
        "version": __version__,
        "rules": [_sarif_rule(name) for name in names],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(findings, *each, names) for each in results],
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _sarif_rule(name: str) -> dict[str, Any]:
    rule = RULES.named(name)
    return {
        "id": name,
        "shortDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _sarif_result(
    findings: Findings, report: CheckReport, finding: Finding, names: Sequence[str]
) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(findings.in_repository(finding))}}
    if finding.line:
        place["region"] = {"startLine": finding.line}
        if finding.column:
            place["region"]["startColumn"] = finding.column
    return {
        "ruleId": finding.rule,
        "ruleIndex": names.index(finding.rule),
        "level": "warning" if finding.is_warning else "error",
        "message": {"text": findings.sentence(report, finding)},
        "locations": [{"physicalLocation": place}],
    }


def as_lsp(findings: Findings) -> str:
    """Return what a language server publishes: for each file its diagnostics."""
    files: dict[Path, list[dict[str, Any]]] = {}
    for report, finding in findings:
        files.setdefault(findings.path(finding), []).append(_diagnostic(findings, report, finding))
    published = [
        {"uri": path.resolve().as_uri(), "diagnostics": diagnostics}
        for path, diagnostics in files.items()
    ]
    return json.dumps(published) + "\n"


def _diagnostic(findings: Findings, report: CheckReport, finding: Finding) -> dict[str, Any]:
    return {
        "range": _range(findings.path(finding), finding),
        "severity": _LSP_WARNING if finding.is_warning else _LSP_ERROR,
        "code": finding.rule,
        "source": "dbkit",
        "message": findings.sentence(report, finding),
    }


def _range(path: Path, finding: Finding) -> dict[str, dict[str, int]]:
    """Return the place from the column, or the first word, to the end of the line.

    An editor counts lines from 0, and columns in units of UTF-16.
    """
    number = (finding.line or 1) - 1
    line = _line(path, number)
    indent = len(line) - len(line.lstrip())
    start = indent if finding.column is None else finding.column - 1
    return {
        "start": {"line": number, "character": _units(line[:start])},
        "end": {"line": number, "character": _units(line.rstrip())},
    }


def _line(path: Path, number: int) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return lines[number] if number < len(lines) else ""


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


FORMATS: Mapping[str, Callable[[Findings], str]] = {
    "github": as_github,
    "sarif": as_sarif,
    "lsp-json": as_lsp,
}
