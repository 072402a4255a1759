"""What must have a value where a condition is true, is false, or has a value itself."""

from typing import TYPE_CHECKING, TypeAlias

from dbkit.analysis.nodes import Node, Value

if TYPE_CHECKING:
    from dbkit.analysis.scope import Scope

Key: TypeAlias = "tuple[str | int | Key | None, ...]"
Facts: TypeAlias = "frozenset[Key]"

NOTHING: Facts = frozenset()
IS_NULL, IS_NOT_NULL = 0, 1
_IS_TRUE, _IS_NOT_TRUE, _IS_FALSE, _IS_NOT_FALSE, _IS_UNKNOWN, _IS_NOT_UNKNOWN = range(6)
_IN_SUBSELECT = 2
# how an expression was written, not what it is
_SPELLING = frozenset(
    {
        "location", "varnosyn", "varattnosyn", "varnullingrels", "resname", "funcformat",
        "relabelformat", "coerceformat", "row_format", "list_start", "list_end",
    }
)  # fmt: skip
_FUNCTIONS = ("funcid", "opfuncid", "aggfnoid", "winfnoid")
_NULL_OF_NULL = frozenset(
    {
        "RELABELTYPE", "COERCEVIAIO", "ARRAYCOERCEEXPR", "COLLATEEXPR", "CONVERTROWTYPEEXPR",
        "COERCETODOMAIN", "FIELDSELECT", "NAMEDARGEXPR",
    }
)  # fmt: skip


def variable(number: int, attribute: int) -> Key:
    """Return the key of a column of this query, or with 0 of a whole row."""
    return ("VAR", number, attribute, 0, 0)


def key_of(value: Value, scope: "Scope | None") -> Key:
    """Return what is equal for two expressions that have the same value in one row."""
    if isinstance(value, Node):
        if value.kind == "QUERY":
            # the numbers of its columns are its own, and mean nothing out here
            scope = None
        if value.kind == "VAR":
            found = scope.flatten(value) if scope else value
            if found.kind != "VAR":
                return key_of(found, scope)
            numbers = ("varno", "varattno", "varlevelsup", "varreturningtype")
            return ("VAR", *map(found.number, numbers))
        fields = sorted(value.fields.keys() - _SPELLING)
        return (value.kind, *((name, key_of(value.fields[name], scope)) for name in fields))
    if isinstance(value, list):
        return tuple(key_of(one, scope) for one in value)
    return (value,)


def conjuncts(condition: Node | None) -> list[Node]:
    """Return the parts of a condition that all have to be true."""
    if condition is None:
        return []
    if condition.kind == "BOOLEXPR" and condition.word("boolop") == "and":
        return [part for one in condition.children("args") for part in conjuncts(one)]
    return [condition]


def is_repeatable(expression: Node, scope: "Scope") -> bool:
    """Say whether two evaluations in one row must give the same value."""
    for node in expression.walk():
        if node.kind in {"SUBLINK", "NEXTVALUEEXPR", "SETTODEFAULT"}:
            return False
        for field in _FUNCTIONS:
            if field in node and scope.catalog.function(node.number(field)).volatile:
                return False
    return True


def truths(expression: Node | None, scope: "Scope") -> Facts:
    """Return what has a value where the expression is true."""
    if expression is None:
        return NOTHING
    found = present(expression, scope)
    match expression.kind:
        case "BOOLEXPR":
            parts = expression.children("args")
            match expression.word("boolop"):
                case "and":
                    found |= NOTHING.union(*(truths(one, scope) for one in parts))
                case "or":
                    found |= _common([truths(one, scope) for one in parts])
                case _:
                    found |= falses(parts[0], scope)
        case "NULLTEST" if expression.number("nulltesttype") == IS_NOT_NULL:
            found |= present(expression.needed("arg"), scope)
        case "BOOLEANTEST":
            found |= _boolean_test(expression, scope, holds=True)
        case "SCALARARRAYOPEXPR" if expression.flag("useOr"):
            found |= _compared(expression, scope)
        case "SUBLINK" if expression.number("subLinkType") == _IN_SUBSELECT:
            test = expression.child("testexpr")
            if test is not None and test.kind == "OPEXPR":
                found |= _arguments(test, scope)
        case _:
            pass
    return found


def falses(expression: Node, scope: "Scope") -> Facts:
    """Return what has a value where the expression is false, not merely unknown."""
    found = present(expression, scope)
    match expression.kind:
        case "BOOLEXPR":
            parts = expression.children("args")
            match expression.word("boolop"):
                case "and":
                    found |= _common([falses(one, scope) for one in parts])
                case "or":
                    found |= NOTHING.union(*(falses(one, scope) for one in parts))
                case _:
                    found |= truths(parts[0], scope)
        case "NULLTEST" if expression.number("nulltesttype") == IS_NULL:
            found |= present(expression.needed("arg"), scope)
        case "BOOLEANTEST":
            found |= _boolean_test(expression, scope, holds=False)
        case "SCALARARRAYOPEXPR" if not expression.flag("useOr"):
            found |= _compared(expression, scope)
        case "DISTINCTEXPR":
            left, right = expression.children("args")
            for one, other in ((left, right), (right, left)):
                if other.kind == "CONST" and not other.flag("constisnull"):
                    found |= present(one, scope)
        case _:
            pass
    return found


def present(expression: Node, scope: "Scope") -> Facts:
    """Return what has a value where the expression itself has one."""
    if expression.kind == "VAR":
        flat = scope.flatten(expression)
        if flat.kind != "VAR":
            return present(flat, scope)
        return frozenset({key_of(flat, scope)})
    below = NOTHING
    if expression.kind in _NULL_OF_NULL:
        below = present(expression.needed("arg"), scope)
    elif expression.kind in {"OPEXPR", "FUNCEXPR"}:
        below = _arguments(expression, scope)
    elif expression.kind == "NULLIFEXPR":
        below = present(expression.children("args")[0], scope)
    elif expression.kind == "SCALARARRAYOPEXPR":
        elements = expression.children("args")[1]
        if elements.children("elements") and not elements.flag("multidims"):
            below = _compared(expression, scope)
    elif expression.kind == "BOOLEXPR":
        below = _common([present(one, scope) for one in expression.children("args")])
    if is_repeatable(expression, scope):
        return below | {key_of(expression, scope)}
    return below


def _arguments(call: Node, scope: "Scope") -> Facts:
    """Return the arguments of a strict call, for it is not even made when one is null."""
    function = scope.catalog.function(call.number("opfuncid") or call.number("funcid"))
    if not function.strict or function.returns_set:
        return NOTHING
    return NOTHING.union(*(present(one, scope) for one in call.children("args")))


def _compared(expression: Node, scope: "Scope") -> Facts:
    if not scope.catalog.function(expression.number("opfuncid")).strict:
        return NOTHING
    return present(expression.children("args")[0], scope)


def _boolean_test(expression: Node, scope: "Scope", *, holds: bool) -> Facts:
    argument = expression.needed("arg")
    match expression.number("booltesttype"), holds:
        case (0, True) | (1, False):
            return truths(argument, scope)
        case (2, True) | (3, False):
            return falses(argument, scope)
        case (5, True) | (4, False):
            return present(argument, scope)
        case _:
            return NOTHING


def _common(found: list[Facts]) -> Facts:
    first, *others = found
    return first.intersection(*others)
