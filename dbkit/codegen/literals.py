"""Write values as Python source, in the form that ruff would give them."""

import io
import re
import textwrap
from decimal import Decimal, InvalidOperation
from math import isfinite
from tokenize import NAME, STRING, generate_tokens
from typing import TYPE_CHECKING

from dbkit.pgtypes import PgType, TypeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# what fits into a line of this length is one line; else each item has a line of its own, with a
# comma, so that ruff changes nothing with any limit for lines from this one to 100
WIDTH = 88
LONGEST = 100
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
_INTEGERS = frozenset({"int2", "int4", "int8", "oid"})
_FLOATS = frozenset({"float4", "float8"})
_TEXTS = frozenset({"text", "varchar", "bpchar", "name", "citext"})
_BOOLEANS = {"true": "True", "on": "True", "false": "False", "off": "False"}


def string(text: str) -> str:
    """Write a string with double quotes, unless that means more backslashes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    characters = (char if char in "'\"" else repr(char)[1:-1] for char in text)
    escaped = "".join(characters).replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def script(text: str) -> str:
    """Write the text of a file so that it reads like the file."""
    if _CONTROL.search(text) or '"""' in text or text.endswith(('"', "\\")):
        inner = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        inner = f'{inner[:-1]}\\"' if inner.endswith('"') else inner
        return f'"""{_CONTROL.sub(_escaped, inner)}"""'
    prefix = "r" if "\\" in text else ""
    return f'{prefix}"""{text}"""'


def text_literal(text: str, start: str) -> list[str]:
    """Write the text of a statement, or a piece of it, as an argument after this beginning."""
    flat = f"{start}{string(text)},"
    if "\n" not in text and len(flat) <= WIDTH:
        return [flat]
    literal = script(text)
    if literal.startswith('"""') and not text.startswith("\n"):
        # the first line at the margin, as the others
        literal = f'"""\\\n{literal[3:]}'
    is_long = any(len(line) > WIDTH for line in f"{start}{literal}".splitlines())
    return [f"{start}{literal},{'  # noqa: E501 - lines of the file' if is_long else ''}"]


def docstring(text: str, indent: str) -> list[str]:
    """Write a docstring as lines that are indented, without a line too long."""
    text = _CONTROL.sub(_escaped, text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"'))
    first, *others = text.expandtabs().strip().splitlines()
    if others and others[0] and first.endswith((".", "?", "!")):
        # the first sentence is the summary if it has a line of its own
        others.insert(0, "")
    width = WIDTH - len(indent) - 3
    lines = [part for line in (first, *others) for part in textwrap.wrap(line, width) or [""]]
    if len(lines) == 1:
        space = " " if lines[0].endswith('"') else ""
        return [f'{indent}"""{lines[0]}{space}"""']
    return [
        f'{indent}"""{lines[0]}',
        *(f"{indent}{line}" if line else "" for line in lines[1:]),
        f'{indent}"""',
    ]


def enclosed(start: str, items: "Sequence[str]", end: str) -> list[str]:
    """Write items between brackets."""
    flat = f"{start}{', '.join(items)}{end}"
    if len(flat) <= WIDTH:
        return [flat]
    indent = start[: len(start) - len(start.lstrip())]
    together = f"{indent}    {', '.join(items)}"
    if start.endswith("(") and len(flat) > LONGEST and len(together) <= WIDTH:
        # ruff puts them so where all of it does not fit in a line of any length up to the longest
        return [start, together, f"{indent}{end}"]
    return [start, *(f"{indent}    {item}," for item in items), f"{indent}{end}"]


def annotation(text: str, local: "Callable[[str], str]") -> str:
    """Write an annotation with the names that its module has for its types."""
    written, end = "", 0
    for token in generate_tokens(io.StringIO(text).readline):
        if token.type in {NAME, STRING}:
            changed = local(token.string) if token.type == NAME else string(_value(token.string))
            written += text[end : token.start[1]] + changed
            end = token.end[1]
    return written + text[end:]


def default(text: str, type_: PgType | None) -> str | None:
    """Write a default as a Python value, or None: PostgreSQL alone can read it."""
    while type_ is not None and type_.kind is TypeKind.DOMAIN:
        type_ = type_.of
    if type_ is None or type_.kind is TypeKind.ENUM or type_.name in _TEXTS:
        return string(text)
    try:
        if type_.name in _INTEGERS:
            return str(int(text))
        if type_.name in _FLOATS and isfinite(float(text)):
            return repr(float(text))
        if type_.name == "numeric" and Decimal(text).is_finite():
            return f'Decimal("{Decimal(text)}")'
    except (ValueError, InvalidOperation):
        return None
    return _BOOLEANS.get(text.strip().lower()) if type_.name == "bool" else None


def _value(literal: str) -> str:
    # a label, as `repr` wrote it
    import ast  # noqa: PLC0415 - few annotations have one

    value: str = ast.literal_eval(literal)
    return value


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
