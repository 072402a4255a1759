"""Write docs/rules.md: `make docs`."""

import sys
from collections.abc import Iterator
from typing import Any

from dbkit.check import RULES, Rule

_OPENING = """\
# The rules of dbkit check

`dbkit check` asks each rule below about the files of a system, its database and its generated
package. A finding of severity *error* ends with exit code 1; a *warning* is told and ends with 0.

`dbkit check --explain uncertain` prints one of these explanations. Each finding ends with the name
of its rule, and `dbkit check --json` gives it as `rule`, beside the `kind` that rules may share.

<!-- written by `make docs` from dbkit/check/rules.py -->
"""


def page() -> str:
    """Return the text of the page."""
    return "\n".join([_OPENING, *_table(), *map(_section, RULES)])


def _table() -> Iterator[str]:
    yield "| rule | severity | kind |"
    yield "|---|---|---|"
    for rule in RULES:
        yield f"| [{rule.name}](#{rule.name}) | {rule.severity} | `{rule.kind}` |"
    yield ""


def _section(rule: Rule[Any]) -> str:
    language = "sql" if rule.example.startswith("--") else ""
    return (
        f"## {rule.name}\n"
        f"\n{rule.why}\n"
        f"\n**The way out.** {rule.remedy}\n"
        f"\n**Needs** {rule.needs.words}.\n"
        f"\n```{language}\n{rule.shown_example}```\n"
    )


if __name__ == "__main__":
    sys.stdout.write(page())
