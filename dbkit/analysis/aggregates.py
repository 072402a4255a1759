"""The doubts about aggregates and window functions."""

from typing import TYPE_CHECKING

from dbkit.analysis.known_functions import BY_ROW, BY_VALUE, COUNTS, RANKS
from dbkit.analysis.nodes import Node

if TYPE_CHECKING:
    from dbkit.analysis.proof import Proof

# bits of frameOptions
_CHOSEN = 0x1
_ROWS_OR_GROUPS = 0x4 | 0x8
_FROM_START, _FROM_NOW, _FROM_BEFORE = 0x20, 0x200, 0x800
_TO_END, _TO_NOW, _TO_AFTER = 0x100, 0x400, 0x4000
_EXCLUDES = 0x8000 | 0x10000 | 0x20000
_WITH_DEFAULT = 3


def aggregate_doubt(proof: "Proof", call: Node) -> str:  # noqa: PLR0911 - a rule a return
    """Return why an aggregate may be null."""
    function = proof.scope.catalog.function(call.number("aggfnoid"))
    if not function.builtin:
        return f"{function.name} may return null"
    # the rank a row would have is known even among none
    if function.name in COUNTS or call.word("aggkind") == "h":
        return ""
    if call.number("agglevelsup"):
        return f"{function.name} of a query around this one"
    if "aggfilter" in call:
        return f"{function.name} may be of no row, for its filter"
    if "groupClause" not in proof.scope.query or proof.scope.grouping_sets:
        return f"{function.name} may be of no row"
    if function.name in BY_ROW:
        return ""
    if function.name not in BY_VALUE:
        return f"{function.name} may return null"
    ordered = call.word("aggkind") == "n"
    arguments = [
        one.needed("expr") for one in call.children("args") if not (ordered and one.flag("resjunk"))
    ]
    rows = proof.rows_of(proof.scope)
    return rows.doubt_of_any([*arguments, *call.children("aggdirectargs")])


def window_doubt(proof: "Proof", call: Node) -> str:  # noqa: PLR0911 - a rule a return
    """Return why a window function may be null."""
    function = proof.scope.catalog.function(call.number("winfnoid"))
    arguments = call.children("args")
    if not function.builtin:
        return f"{function.name} may return null"
    if function.name in COUNTS:
        return ""
    if function.name in RANKS:
        return proof.doubt_of_any(arguments)
    if function.name in {"lag", "lead"}:
        if len(arguments) < _WITH_DEFAULT:
            return f"{function.name} may find no row"
        return proof.doubt_of_any(arguments)
    if "aggfilter" in call:
        return f"{function.name} may be of no row, for its filter"
    window = proof.scope.query.children("windowClause")[call.number("winref") - 1]
    if not _has_current_row(window.number("frameOptions")):
        return f"{function.name} may be of no row, for its frame"
    if function.name in BY_ROW:
        return ""
    if function.name in BY_VALUE | {"first_value", "last_value"}:
        return proof.doubt_of_any(arguments)
    return f"{function.name} may return null"


def _has_current_row(frame: int) -> bool:
    if not frame & _CHOSEN:
        return True
    # how far an offset in values reaches is for the type's own function to say
    counted = bool(frame & _ROWS_OR_GROUPS)
    begins = frame & (_FROM_START | _FROM_NOW) or (counted and frame & _FROM_BEFORE)
    ends = frame & (_TO_END | _TO_NOW) or (counted and frame & _TO_AFTER)
    return bool(begins and ends and not frame & _EXCLUDES)
