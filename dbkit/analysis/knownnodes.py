"""Find what in an analysed query is not known, so that it never passes for what is known.

A newer PostgreSQL may have nodes, fields of nodes and numbers in them that change what a query
means. Where one stands in a tree, nothing is concluded from the tree.
"""

from collections.abc import Mapping
from enum import IntEnum, IntFlag, StrEnum
from functools import cache

from dbkit.analysis.nodefields import NODE_FIELDS
from dbkit.analysis.nodes import Node, Value
from dbkit.analysis.vocabulary import (
    AggKind,
    BoolExprType,
    BoolTestType,
    CmdType,
    CoercionForm,
    FrameOption,
    GroupingSetKind,
    JoinType,
    JsonBehaviorType,
    JsonConstructorType,
    JsonExprOp,
    LimitOption,
    MergeMatchKind,
    NullTestType,
    OnConflictAction,
    ParamKind,
    RelKind,
    RTEKind,
    SetOperation,
    SQLValueFunctionOp,
    SubLinkType,
    TableFuncType,
    VarReturningType,
)

_FIELDS = {kind: frozenset(fields.split()) for kind, fields in NODE_FIELDS.items()}
# by the kind of a node, the fields whose value is of a vocabulary
_VOCABULARY: Mapping[str, Mapping[str, type[IntEnum | IntFlag | StrEnum]]] = {
    "AGGREF": {"aggkind": AggKind},
    "BOOLEANTEST": {"booltesttype": BoolTestType},
    "BOOLEXPR": {"boolop": BoolExprType},
    "FUNCEXPR": {"funcformat": CoercionForm},
    "GROUPINGSET": {"kind": GroupingSetKind},
    "JOINEXPR": {"jointype": JoinType},
    "JSONBEHAVIOR": {"btype": JsonBehaviorType},
    "JSONCONSTRUCTOREXPR": {"type": JsonConstructorType},
    "JSONEXPR": {"op": JsonExprOp},
    "MERGEACTION": {"commandType": CmdType, "matchKind": MergeMatchKind},
    "NULLTEST": {"nulltesttype": NullTestType},
    "ONCONFLICTEXPR": {"action": OnConflictAction},
    "PARAM": {"paramkind": ParamKind},
    "QUERY": {"commandType": CmdType, "limitOption": LimitOption},
    "RANGETBLENTRY": {"jointype": JoinType, "relkind": RelKind, "rtekind": RTEKind},
    "SETOPERATIONSTMT": {"op": SetOperation},
    "SQLVALUEFUNCTION": {"op": SQLValueFunctionOp},
    "SUBLINK": {"subLinkType": SubLinkType},
    "TABLEFUNC": {"functype": TableFuncType},
    "VAR": {"varreturningtype": VarReturningType},
    "WINDOWCLAUSE": {"frameOptions": FrameOption},
}
# the field that an entry of the range table has for its kind: kinds that change their numbers are
# told by it
_OWN_FIELDS: Mapping[int, str] = {
    RTEKind.RELATION: "relid",
    RTEKind.SUBQUERY: "subquery",
    RTEKind.JOIN: "joinaliasvars",
    RTEKind.FUNCTION: "functions",
    RTEKind.TABLEFUNC: "tablefunc",
    RTEKind.VALUES: "values_lists",
    RTEKind.CTE: "ctename",
    RTEKind.NAMEDTUPLESTORE: "enrname",
    RTEKind.GROUP: "groupexprs",
}
# what a field holds that says nothing; a place in the text is -1 where it is not kept
_SAYING_NOTHING = frozenset({None, "0", "false", "-1"})


def unknown_part(tree: Node) -> str:
    """Return a node, a field or a value of a tree that is not known, "" if all is known."""
    return next((unknown for node in tree.walk() if (unknown := _unknown_in(node))), "")


def _unknown_in(node: Node) -> str:
    """Return what is not known of a node, without the nodes below it."""
    known_fields = _FIELDS.get(node.kind)
    if known_fields is None:
        return node.kind
    for field in node.fields.keys() - known_fields:
        if not _says_nothing(node.fields[field]):
            return f"{node.kind}.{field}"
    for field, vocabulary in _VOCABULARY.get(node.kind, {}).items():
        if field in node and not _is_member(node, field, vocabulary):
            return f"{node.kind}.{field} {node.word(field)}"
    kind = node.number("rtekind")
    if node.kind == "RANGETBLENTRY" and _OWN_FIELDS.get(kind, "rtekind") not in node.fields:
        return f"{node.kind}.rtekind {kind} without {_OWN_FIELDS[kind]}"
    return ""


def _says_nothing(value: Value) -> bool:
    if isinstance(value, list):
        # an empty list, or an empty set: `(b)`
        return all(item == "b" for item in value)
    return not isinstance(value, Node) and value in _SAYING_NOTHING


def _is_member(node: Node, field: str, vocabulary: type[IntEnum | IntFlag | StrEnum]) -> bool:
    values = _values(vocabulary)
    if issubclass(vocabulary, IntFlag):
        return not node.number(field) & ~sum(map(int, values))
    return node.word(field) in values


@cache
def _values(vocabulary: type[IntEnum | IntFlag | StrEnum]) -> frozenset[str]:
    """Return the values of a vocabulary, as they are written in a tree."""
    return frozenset(str(member.value) for member in vocabulary)
