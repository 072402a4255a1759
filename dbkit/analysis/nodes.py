"""Read the text in which PostgreSQL stores an analysed query: `{NODE :field value ...}`."""

import re
from collections.abc import Iterator
from typing import TypeAlias, Union

from dbkit.analysis.oids import JSONBOID, JSONOID, TEXTOID, UNKNOWNOID

_TOKEN = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NULL = "<>"
# lists of numbers and sets of them begin with the letter of what they hold
_NUMBERS = frozenset({"i", "o", "x", "b"})
# the fields of a call, an operator, an aggregate and a window function
_FUNCTIONS = ("funcid", "opfuncid", "aggfnoid", "winfnoid")
JSON_TYPES = frozenset({JSONOID, JSONBOID})
_HEADER = 4
_EMPTY_JSONB = b"\x00\x00\x00\x40"

Value: TypeAlias = Union[str, "Node", list["Value"], None]


class Node:
    """One node of the tree; a field is read as what the caller knows it to be."""

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
        """Return a truth value."""
        return self.fields.get(field) == "true"

    def word(self, field: str) -> str:
        """Return a name, without its escapes."""
        value = self.fields.get(field)
        return _unescape(value) if isinstance(value, str) else ""

    def child(self, field: str) -> "Node | None":
        """Return a node, or None where there is none."""
        value = self.fields.get(field)
        return value if isinstance(value, Node) else None

    def needed(self, field: str) -> "Node":
        """Return a node that this kind never lacks."""
        value = self.fields[field]
        if not isinstance(value, Node):
            raise KeyError(field)
        return value

    def children(self, field: str) -> list["Node"]:
        """Return the nodes of a list."""
        value = self.fields.get(field)
        return [one for one in value if isinstance(one, Node)] if isinstance(value, list) else []

    def rows(self, field: str) -> list[list["Node"]]:
        """Return the nodes of a list of lists."""
        value = self.fields.get(field)
        rows = [one for one in value if isinstance(one, list)] if isinstance(value, list) else []
        return [[one for one in row if isinstance(one, Node)] for row in rows]

    def words(self, field: str) -> list[str]:
        """Return the names of a list."""
        value = self.fields.get(field)
        words = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
        return [_unescape(word[1:-1]) for word in words]

    def numbers(self, field: str) -> list[int]:
        """Return the numbers of a list or a set."""
        value = self.fields.get(field)
        words = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
        return [int(word) for word in words[1:]] if words and words[0] in _NUMBERS else []

    def datum(self) -> bytes:
        """Return the bytes of a constant, as the server holds them."""
        value = self.fields.get("constvalue")
        words = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
        return bytes(int(word) & 0xFF for word in words)

    def functions(self) -> list[int]:
        """Return the functions that this node calls, by their oids."""
        return [self.number(field) for field in _FUNCTIONS if field in self]

    def walk(self) -> Iterator["Node"]:
        """Give this node and all below it."""
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
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, Node)]


def _read(text: str) -> Value:
    """Read one value, without recursion: a long `or` is a deep tree."""
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
            done = open_lists.pop()
            open_lists[-1].append(done)
        elif word == "}":
            open_lists.pop()
            node, content = open_nodes.pop()
            node.fields = _fields(content)
            open_lists[-1].append(node)
        else:
            open_lists[-1].append(None if word == _NULL else word)
    return top[0]


def _fields(content: list[Value]) -> dict[str, Value]:
    """Pair names with values; only a constant has a value of several words: `4 [ 1 0 0 0 ]`."""
    fields: dict[str, Value] = {}
    at = 0
    while at < len(content):
        name = content[at]
        value = content[at + 1]
        at += 2
        if at < len(content) and content[at] == "[":
            end = content.index("]", at)
            value = content[at + 1 : end]
            at = end + 1
        if isinstance(name, str):
            fields[name[1:]] = value
    return fields


def _unescape(word: str) -> str:
    return _ESCAPE.sub(r"\1", word)


def text_of(constant: Node) -> str | None:
    """Return a constant text, None for anything else."""
    while constant.kind in {"RELABELTYPE", "COERCEVIAIO"}:
        constant = constant.needed("arg")
    if constant.kind != "CONST" or constant.flag("constisnull"):
        return None
    kind, datum = constant.number("consttype"), constant.datum()
    if kind not in {TEXTOID, UNKNOWNOID}:
        return None
    # a text begins with its length, a literal of no known type ends with a NUL
    content = datum[_HEADER:] if kind == TEXTOID else datum.rstrip(b"\x00")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def is_empty_list(constant: Node) -> bool:
    """Say whether a constant is `'[]'` in json or jsonb, or an array without an element."""
    if constant.kind != "CONST" or constant.flag("constisnull"):
        return False
    content = constant.datum()[_HEADER:]
    if constant.number("consttype") in JSON_TYPES:
        return content.strip() == b"[]" or content == _EMPTY_JSONB
    # an array without dimensions is the empty one
    return (
        constant.number("constlen") < 0 and len(content) >= _HEADER and not any(content[:_HEADER])
    )
