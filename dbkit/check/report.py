"""The report on one system: the findings, and how much was looked at."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dbkit.check.finding import Finding
from dbkit.queryfiles import Query
from dbkit.typedqueries import TypedQuery

# what `why` says of a column that is nullable only because a proof is missing
_UNPROVEN = re.compile(r"nothing is known|.* may return null$")
_NOT_NULL = "not null"


@dataclass(slots=True)
class CheckReport:
    """What was found in one system so far."""

    name: str
    queries: list[Query] = field(default_factory=list[Query])
    # those of the queries that the server understands in every combination
    typed: list[TypedQuery] = field(default_factory=list[TypedQuery])
    found: list[Finding] = field(default_factory=list[Finding])

    @property
    def findings(self) -> list[Finding]:
        """What is wrong, in the order of the files."""
        return sorted(_of_severity(self.found, is_warning=False), key=_by_place)

    @property
    def warnings(self) -> list[Finding]:
        """What is doubtful, in the order of the files."""
        return sorted(_of_severity(self.found, is_warning=True), key=_by_place)

    @property
    def combinations(self) -> int:
        """How many statements the queries are, with every combination of their parts."""
        return sum(len(query.combinations) for query in self.queries)

    @property
    def columns(self) -> int:
        """How many columns the typed queries give."""
        return sum(len(typed.columns) for typed in self.typed)

    @property
    def nullable(self) -> int:
        """How many of the columns may be null."""
        return sum(column.nullable for typed in self.typed for column in typed.columns)

    @property
    def unproven(self) -> int:
        """How many may be null only because nothing proves that they cannot."""
        return sum(
            column.nullable and (typed.lost is not None or bool(_UNPROVEN.match(column.why)))
            for typed in self.typed
            for column in typed.columns
        )

    @property
    def asserted(self) -> int:
        """How many cannot be null only because the header of the file says so."""
        return sum(
            dict(typed.query.narrowed).get(column.name) == _NOT_NULL
            and any(description.columns[place].nullable for _, description in typed.described)
            for typed in self.typed
            for place, column in enumerate(typed.columns)
        )

    def as_json(self) -> dict[str, Any]:
        """Return the documented shape."""
        return {
            "name": self.name,
            "queries": len(self.queries),
            "typed": len(self.typed),
            "combinations": self.combinations,
            "columns": self.columns,
            "nullable": self.nullable,
            "unproven": self.unproven,
            "asserted": self.asserted,
            "findings": [finding.as_json() for finding in self.findings],
            "warnings": [finding.as_json() for finding in self.warnings],
        }


def _of_severity(findings: list[Finding], *, is_warning: bool) -> Iterator[Finding]:
    return (finding for finding in findings if finding.is_warning is is_warning)


def _by_place(finding: Finding) -> tuple[bool, str, int, int]:
    # findings without a file come first: a database that cannot be reached explains the others
    return finding.path is not None, finding.path or "", finding.line or 0, finding.column or 0
