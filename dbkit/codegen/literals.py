"""Write values as Python source, in the form that ruff would give them."""

import ast
import io
import re
import textwrap
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite
from tokenize import NAME, STRING, generate_tokens

from dbkit.pgtypes import PgType, TypeKind

# what is longer has a line for each item and a trailing comma: ruff then leaves it as it is,
# whichever line length from WIDTH to LONGEST a project has
WIDTH = 88
LONGEST = 100
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
_INTEGERS = frozenset({"int2", "int4", "int8", "oid"})
_FLOATS = frozenset({"float4", "float8"})
_TEXTS = frozenset({"text", "varchar", "bpchar", "name", "citext"})
_BOOLEANS = {"true": "True", "on": "True", "false": "False", "off": "False"}


def write_string(text: str) -> str:
    """Write a string with double quotes, unless that means more backslashes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    characters = (char if char in "'\"" else repr(char)[1:-1] for char in text)
    escaped = "".join(characters).replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def _multiline_string(text: str) -> str:
    """Write a text between triple quotes, its lines as they are in the file."""
    if _CONTROL.search(text) or '"""' in text or text.endswith(('"', "\\")):
        inner = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        inner = f'{inner[:-1]}\\"' if inner.endswith('"') else inner
        return f'"""{_CONTROL.sub(_escaped, inner)}"""'
    prefix = "r" if "\\" in text else ""
    return f'{prefix}"""{text}"""'


def write_text(text: str, start: str) -> list[str]:
    """Write the text of a statement, or a piece of it, as an argument after `start`."""
    flat = f"{start}{write_string(text)},"
    if "\n" not in text and len(flat) <= WIDTH:
        return [flat]
    literal = _multiline_string(text)
    if literal.startswith('"""') and not text.startswith("\n"):
        # the first line begins at the margin, like the others
        literal = f'"""\\\n{literal[3:]}'
    is_long = any(len(line) > WIDTH for line in f"{start}{literal}".splitlines())
    return [f"{start}{literal},{'  # noqa: E501 - lines of the file' if is_long else ''}"]


def write_docstring(text: str, indent: str) -> list[str]:
    """Write a docstring as indented lines, the long ones wrapped."""
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


def write_items(start: str, items: Sequence[str], end: str) -> list[str]:
    """Write items between brackets: in one line if they fit, else each on its own."""
    flat = f"{start}{', '.join(items)}{end}"
    if len(flat) <= WIDTH:
        return [flat]
    indent = start[: len(start) - len(start.lstrip())]
    joined = f"{indent}    {', '.join(items)}"
    if start.endswith("(") and len(flat) > LONGEST and len(joined) <= WIDTH:
        # ruff keeps all items on one line of their own where the whole is longer than LONGEST
        return [start, joined, f"{indent}{end}"]
    return [start, *(f"{indent}    {item}," for item in items), f"{indent}{end}"]


def write_annotation(text: str, local: Callable[[str], str]) -> str:
    """Write an annotation with the local names of its types, which `local` gives."""
    written, end = "", 0
    for token in generate_tokens(io.StringIO(text).readline):
        if token.type in {NAME, STRING}:
            is_name = token.type == NAME
            new = local(token.string) if is_name else write_string(_label(token.string))
            written += text[end : token.start[1]] + new
            end = token.end[1]
    return written + text[end:]


def write_default(text: str, type_: PgType | None) -> str | None:
    """Write a default as a Python value; give None where only PostgreSQL can read it."""
    while type_ is not None and type_.kind is TypeKind.DOMAIN:
        type_ = type_.of
    if type_ is None or type_.kind is TypeKind.ENUM or type_.name in _TEXTS:
        return write_string(text)
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


def _label(literal: str) -> str:
    """Read the label of a Literal, as `repr` wrote it."""
    label: str = ast.literal_eval(literal)
    return label


def _escaped(control: re.Match[str]) -> str:
    return f"\\u{ord(control[0]):04x}"
