"""Write docs/rules.md: `make docs`."""

import sys
from collections.abc import Iterator
from typing import Any

from dbkit.check import RULES, Rule

_OPENING = """\
# The rules of dbkit check

`dbkit check` asks each rule below about the files of a system, its database and its generated
package. A finding of severity *error* ends with exit code 1; a *warning* is told and ends with 0.

`dbkit check --explain unordered` prints one of these explanations. Each finding ends with the name
of its rule, and `dbkit check --json` gives it as `rule`, beside the `kind` that rules may share.

Some rules can be silenced for one query, by a line in its header with the rule and the reason:

```sql
-- Every order, for a report that sorts them itself.
-- :many
-- allow: unordered, the report sorts
select id, note from orders;
```

A line that silences nothing is a finding itself: [needless-allow](#needless-allow).

<!-- written by `make docs` from dbkit/check/rules.py -->
"""


def page() -> str:
    """Return the text of the page."""
    return "\n".join([_OPENING, *_table(), *map(_section, RULES)])


def _table() -> Iterator[str]:
    yield "| rule | severity | kind | `-- allow:` |"
    yield "|---|---|---|---|"
    for rule in RULES:
        allowed = "yes" if rule.needs.can_be_allowed else ""
        yield f"| [{rule.name}](#{rule.name}) | {rule.severity} | `{rule.kind}` | {allowed} |"
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
