"""Read constants of the analysed tree, whose bytes are those of the server's memory."""

from dbkit.analysis.nodes import Node

JSON_TYPES = frozenset({114, 3802})
_TEXT, _UNKNOWN_LITERAL = 25, 705
_HEADER = 4
_EMPTY_JSONB = b"\x00\x00\x00\x40"


def text_of(constant: Node) -> str | None:
    """Return a constant text, None for anything else."""
    while constant.kind in {"RELABELTYPE", "COERCEVIAIO"}:
        constant = constant.needed("arg")
    if constant.kind != "CONST" or constant.flag("constisnull"):
        return None
    kind, datum = constant.number("consttype"), constant.datum()
    if kind not in {_TEXT, _UNKNOWN_LITERAL}:
        return None
    # a text begins with its length, a literal of no known type ends with a NUL
    content = datum[_HEADER:] if kind == _TEXT else datum.rstrip(b"\x00")
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
