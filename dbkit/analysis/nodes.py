"""Read the text in which PostgreSQL stores an analysed query: `{NODE :field value ...}`."""

import re
from collections.abc import Iterator
from typing import TypeAlias, Union

from dbkit.analysis.oids import JSONBOID, JSONOID, TEXTOID, UNKNOWNOID

_TOKEN = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NULL = "<>"
# a list or a set of numbers begins with a letter for the type of its numbers
_NUMBERS = frozenset({"i", "o", "x", "b"})
# the fields that name the function of a call, an operator, an aggregate and a window function
_FUNCTIONS = ("funcid", "opfuncid", "aggfnoid", "winfnoid")
JSON_TYPES = frozenset({JSONOID, JSONBOID})
# the length that precedes a value of variable length
_HEADER = 4
_EMPTY_JSONB_ARRAY = b"\x00\x00\x00\x40"

Value: TypeAlias = Union[str, "Node", list["Value"], None]


class Node:
    """One node of the tree.

    The text does not say of which type a field is, so there is a method for each type, and the
    caller knows which to use.
    """

    __slots__ = ("fields", "kind")

    def __init__(self, kind: str, fields: dict[str, Value]) -> None:
        self.kind = kind
        self.fields = fields

    def __contains__(self, field: str) -> bool:
        return self.fields.get(field) is not None

    def number(self, field: str) -> int:
        """Return a number, 0 where this version of PostgreSQL has no such field."""
        value = self.fields.get(field)
        return int(value) if isinstance(value, str) else 0

    def flag(self, field: str) -> bool:
        """Return whether a field is `true`."""
        return self.fields.get(field) == "true"

    def word(self, field: str) -> str:
        """Return a name, without its escapes, or "" where there is none."""
        value = self.fields.get(field)
        return _unescape(value) if isinstance(value, str) else ""

    def child(self, field: str) -> "Node | None":
        """Return a node, or None where there is none."""
        value = self.fields.get(field)
        return value if isinstance(value, Node) else None

    def needed(self, field: str) -> "Node":
        """Return a node that every node of this kind has."""
        value = self.fields[field]
        if not isinstance(value, Node):
            raise KeyError(field)
        return value

    def children(self, field: str) -> list["Node"]:
        """Return the nodes of a list."""
        value = self.fields.get(field)
        return [item for item in value if isinstance(item, Node)] if isinstance(value, list) else []

    def rows(self, field: str) -> list[list["Node"]]:
        """Return the nodes of a list of lists."""
        value = self.fields.get(field)
        rows = [item for item in value if isinstance(item, list)] if isinstance(value, list) else []
        return [[item for item in row if isinstance(item, Node)] for row in rows]

    def words(self, field: str) -> list[str]:
        """Return the names of a list."""
        value = self.fields.get(field)
        words = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        return [_unescape(word[1:-1]) for word in words]

    def numbers(self, field: str) -> list[int]:
        """Return the numbers of a list or a set."""
        value = self.fields.get(field)
        words = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        return [int(word) for word in words[1:]] if words and words[0] in _NUMBERS else []

    def datum(self) -> bytes:
        """Return the bytes of a constant, as the server holds them."""
        value = self.fields.get("constvalue")
        words = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        return bytes(int(word) & 0xFF for word in words)

    def replaced(self, **fields: Value) -> "Node":
        """Return the same node with other values in some fields."""
        return Node(self.kind, {**self.fields, **fields})

    def functions(self) -> list[int]:
        """Return the functions that this node calls, by their oids."""
        return [self.number(field) for field in _FUNCTIONS if field in self]

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all nodes below it."""
        waiting: list[Value] = [self]
        while waiting:
            value = waiting.pop()
            if isinstance(value, Node):
                yield value
                waiting.extend(value.fields.values())
            elif isinstance(value, list):
                waiting.extend(value)


def read_nodes(text: str) -> list[Node]:
    """Read a tree: the queries of a function's body, or of a view's rule."""
    value = _read(text)
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Node)]


def _read(text: str) -> Value:
    """Read one value, without recursion, because a long `or` is a deep tree."""
    words = iter(_TOKEN.findall(text))
    top: list[Value] = []
    open_lists: list[list[Value]] = [top]
    open_nodes: list[tuple[Node, list[Value]]] = []
    for word in words:
        if word == "{":
            open_nodes.append((Node(next(words), {}), []))
            open_lists.append(open_nodes[-1][1])
        elif word == "(":
            open_lists.append([])
        elif word == ")":
            complete = open_lists.pop()
            open_lists[-1].append(complete)
        elif word == "}":
            open_lists.pop()
            node, content = open_nodes.pop()
            node.fields = _fields(content)
            open_lists[-1].append(node)
        else:
            open_lists[-1].append(None if word == _NULL else word)
    return top[0]


def _fields(content: list[Value]) -> dict[str, Value]:
    """Pair names with values. Only the value of a constant has several words: `4 [ 1 0 0 0 ]`."""
    fields: dict[str, Value] = {}
    position = 0
    while position < len(content):
        name, value = content[position : position + 2]
        position += 2
        if position < len(content) and content[position] == "[":
            end = content.index("]", position)
            value = content[position + 1 : end]
            position = end + 1
        if isinstance(name, str):
            fields[name[1:]] = value
    return fields


def _unescape(word: str) -> str:
    return _ESCAPE.sub(r"\1", word)


def var_of(number: int, attribute: int, type_oid: int) -> Node:
    """Return a column of a relation as an expression."""
    return Node(
        "VAR",
        {
            "varno": str(number),
            "varattno": str(attribute),
            "vartype": str(type_oid),
            "varlevelsup": "0",
        },
    )


def text_of(constant: Node) -> str | None:
    """Return the text of a constant, None if it is anything else."""
    while constant.kind in {"RELABELTYPE", "COERCEVIAIO"}:
        constant = constant.needed("arg")
    if constant.kind != "CONST" or constant.flag("constisnull"):
        return None
    kind, datum = constant.number("consttype"), constant.datum()
    if kind not in {TEXTOID, UNKNOWNOID}:
        return None
    # a text begins with its length; a literal without a type ends with a NUL
    content = datum[_HEADER:] if kind == TEXTOID else datum.rstrip(b"\x00")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def is_empty_list(constant: Node) -> bool:
    """Say whether a constant is `'[]'` in json or jsonb, or an array without elements."""
    if constant.kind != "CONST" or constant.flag("constisnull"):
        return False
    content = constant.datum()[_HEADER:]
    if constant.number("consttype") in JSON_TYPES:
        return content.strip() == b"[]" or content == _EMPTY_JSONB_ARRAY
    # an array begins with the number of its dimensions; the empty one has none
    return (
        constant.number("constlen") < 0 and len(content) >= _HEADER and not any(content[:_HEADER])
    )
