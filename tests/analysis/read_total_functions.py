"""Read off PostgreSQL's source which functions give a value whenever all arguments have one.

    python tests/analysis/read_total_functions.py SOURCE [SOURCE ...] [--check | --left-out]

SOURCE is the folder of an unpacked PostgreSQL source. Give one for every version that dbkit works
with: a function is listed only if no version can return NULL from it.

A C function of PostgreSQL returns NULL in one way: it sets `isnull` in the call it was given, and
it reaches that call only through its parameter `fcinfo`. So the script follows `fcinfo`: through
the body of the function, through each macro used there, and into each function that is given
`fcinfo`. Whatever the script does not recognise might set `isnull`, and the function is left out.
Both branches of an `#if` are read, because nobody knows how a server was built.
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from dbkit.analysis.total_functions import TOTAL_FUNCTIONS

CATALOG = Path("src/include/catalog")
SQL_FILES = Path("src/backend/catalog")
BLOCK_WIDTH = 96
# Functions in SQL that a person has read: number, signature and body. Each is strict, and its body
# calls functions that are listed themselves. With another body it must be read again. Where a body
# casts a value of any type to text, the number stands in CASTING_TO_TEXT of known_functions.py too.
READ_BY_HAND = {
    879: ("lpad(text, integer)", "lpad($1, $2, ' ')"),
    880: ("rpad(text, integer)", "rpad($1, $2, ' ')"),
    1176: ("timestamptz(date, time)", "cast(($1 + $2) as timestamptz)"),
    1285: ("quote_literal(anyelement)", "select pg_catalog.quote_literal($1::pg_catalog.text)"),
    1296: ("timedate_pl(time, date)", "$2 + $1"),
    1298: ("timetzdate_pl(timetz, date)", "$2 + $1"),
    1386: ("age(timestamptz)", "age(cast(current_date as timestamptz), $1)"),
    1426: ("path_contain_pt(path, point)", "on_ppath($2, $1)"),
    1481: ("log10(numeric)", "log(10, $1)"),
    1544: ("polygon(circle)", "polygon(12, $1)"),
    1708: ("round(numeric)", "round($1, 0)"),
    1710: ("trunc(numeric)", "trunc($1, 0)"),
    1741: ("log(numeric)", "log(10, $1)"),
    1810: ("bit_length(bytea)", "octet_length($1) * 8"),
    1811: ("bit_length(text)", "octet_length($1) * 8"),
    1812: ("bit_length(bit)", "length($1)"),
    1848: ("interval_pl_time(interval, time)", "$2 + $1"),
    2003: ("textanycat(text anynonarray)", "select $1 operator(pg_catalog.||) $2::pg_catalog.text"),
    2004: ("anytextcat(anynonarray text)", "select $1::pg_catalog.text operator(pg_catalog.||) $2"),
    2059: ("age(timestamp)", "age(cast(current_date as timestamp), $1)"),
    2546: ("interval_pl_date(interval, date)", "$2 + $1"),
    2547: ("interval_pl_timetz(interval, timetz)", "$2 + $1"),
    2548: ("interval_pl_timestamp(interval, timestamp)", "$2 + $1"),
    2549: ("interval_pl_timestamptz(interval, timestamptz)", "$2 + $1"),
    2550: ("integer_pl_date(integer, date)", "$2 + $1"),
    2631: ("int8pl_inet(bigint, inet)", "$2 + $1"),
    3050: ("xpath_exists(text, xml)", "xpath_exists($1, $2, '{}'::text[])"),
    5023: ("numeric_pl_pg_lsn(numeric, pg_lsn)", "$2 + $1"),
}

# a string stays as "", so that it is still an argument
_NO_CODE = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)|"(?:\\.|[^"\\\n])*"|'(?:\\.[^'\n]*|[^'\\\n])'""", re.DOTALL
)
_TOKEN = re.compile(r'[A-Za-z_]\w*|\d[\w.]*|->|##|""|\S')
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_DIRECTIVE = re.compile(r"\s*#\s*(\w+)(.*)")
_DEFINE = re.compile(r"\s*(\w+)(\([^)]*\))?(.*)")
_DATA = re.compile(
    r"\s+|#[^\n]*|(?P<mark>[\[\]{},])|(?P<key>\w+)\s*=>\s*'(?P<value>(?:\\.|[^'\\])*)'"
)
_CREATE_FUNCTION = re.compile(
    r"create\s+(?:or\s+replace\s+)?function\s+(?:pg_catalog\.)?\"?(?P<name>\w+)\"?"
    r"\s*\((?P<arguments>.*?)\)\s*returns\b(?P<rest>.*?);",
    re.IGNORECASE | re.DOTALL,
)
_IF, _ELSE, _ENDIF = "#if", "#else", "#endif"
_MARKERS = {
    "if": _IF, "ifdef": _IF, "ifndef": _IF, "elif": _ELSE, "else": _ELSE, "endif": _ENDIF,
}  # fmt: skip
_KEYWORDS = frozenset(
    {"case", "do", "else", "for", "goto", "if", "return", "sizeof", "switch", "while"}
)
_REPORTS = frozenset({"elog", "ereport"})
_FAILURES = frozenset({("ERROR",), ("FATAL",), ("PANIC",)})
_CALL_TYPES = frozenset({"FunctionCallInfo", "FunctionCallInfoBaseData"})
_CALL_PARAMETER = ("FunctionCallInfo", "fcinfo")
# all members of a call but `isnull`
_HARMLESS_MEMBERS = frozenset({"args", "context", "flinfo", "fncollation", "nargs", "resultinfo"})


@dataclass(eq=False)
class UnreadableSourceError(Exception):
    """A source is not what the script can read."""

    path: Path
    fault: str

    def __str__(self) -> str:
        return f"{self.path}: {self.fault}"


@dataclass(frozen=True)
class BuiltInFunction:
    """A function of pg_proc.dat; it is total if its C function is, unless it has a doubt."""

    number: int
    name: str
    symbol: str | None
    doubt: str | None = None


@dataclass(frozen=True)
class Macro:
    """A `#define`."""

    parameters: tuple[str, ...]
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class CFunction:
    """A C function that is given a call; its tokens begin with its parameters."""

    parameters: tuple[str, ...]
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """A macro or C function that `fcinfo` reaches, and as which argument."""

    name: str
    argument: int | None = None


@dataclass
class Source:
    """What the script knows of one version of PostgreSQL."""

    catalog: list[BuiltInFunction]
    macros: dict[str, list[Macro]] = field(default_factory=dict[str, list[Macro]])
    functions: dict[str, list[CFunction]] = field(default_factory=dict[str, list[CFunction]])
    words: set[str] = field(default_factory=set[str])
    looked_at: dict[Step, tuple[str | None, list[Step]]] = field(
        default_factory=dict[Step, tuple[str | None, list[Step]]]
    )


def main(arguments: Sequence[str]) -> int:
    """Print the block of numbers, or compare it, or tell why functions were left out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", nargs="+", type=Path, metavar="SOURCE")
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "--check",
        action="store_true",
        help="compare with dbkit's list, and exit with 1 if it differs",
    )
    output.add_argument(
        "--left-out", action="store_true", help="say why each other function is not in the list"
    )
    options = parser.parse_args(arguments)
    try:
        total, left_out = read([read_source(path) for path in options.sources])
    except UnreadableSourceError as error:
        parser.exit(2, f"{error}\n")
    if options.check:
        differences = compare(total, left_out)
        sys.stdout.writelines(f"{difference}\n" for difference in differences)
        return 1 if differences else 0
    if options.left_out:
        sys.stdout.writelines(f"{number} {doubt}\n" for number, doubt in sorted(left_out.items()))
    else:
        sys.stdout.write(write_block(total))
    return 0


def read(sources: Iterable[Source]) -> tuple[set[int], dict[int, str]]:
    """Give the numbers of the total functions, and the doubt about each other function."""
    numbers: set[int] = set()
    left_out: dict[int, str] = {}
    for source in sources:
        for function in source.catalog:
            numbers.add(function.number)
            doubt = function.doubt
            if doubt is None and function.symbol is not None:
                doubt = find_doubt(source, function.symbol)
            if doubt is not None:
                left_out.setdefault(function.number, f"{function.name}: {doubt}")
    return numbers - left_out.keys(), left_out


def compare(total: set[int], left_out: dict[int, str]) -> list[str]:
    """Say where dbkit's list and the sources differ."""
    unproved = [
        f"{number} is listed, but {left_out.get(number, 'no source has it')}"
        for number in sorted(TOTAL_FUNCTIONS - total)
    ]
    return unproved + [f"{number} is not listed" for number in sorted(total - TOTAL_FUNCTIONS)]


def write_block(numbers: Iterable[int]) -> str:
    """Write the numbers as they stand in dbkit's list."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    lines = textwrap.fill(
        " ".join("-".join(map(str, run)) for run in runs),
        BLOCK_WIDTH,
        initial_indent="    ",
        subsequent_indent="    ",
        break_on_hyphens=False,
    )
    return f'_NUMBERS = """\n{lines}\n"""\n'


# reading a source


def read_source(path: Path) -> Source:
    """Read the catalog and the server's C code."""
    for needed in (CATALOG / "pg_proc.dat", CATALOG / "pg_proc.h", SQL_FILES):
        if not (path / needed).exists():
            raise UnreadableSourceError(
                path, f"no {needed} is there; give the folder of an unpacked PostgreSQL source"
            )
    source = Source(read_catalog(path))
    given_calls: dict[Path, list[str]] = {}
    for file in find_code_files(path):
        text = file.read_text(encoding="utf-8", errors="replace")
        tokens = read_tokens(text, source.macros)
        if "PG_FUNCTION_ARGS" in text or "FunctionCallInfo" in text:
            given_calls[file] = tokens
    for file, tokens in given_calls.items():
        source.words.update(tokens)
        for name, function in find_functions(file, tokens, source.macros):
            source.functions.setdefault(name, []).append(function)
    source.words.update(*(macro.tokens for macros in source.macros.values() for macro in macros))
    # all rules stand on these two
    if source.macros.get("PG_FUNCTION_ARGS") != [Macro((), _CALL_PARAMETER)]:
        raise UnreadableSourceError(
            path, f"PG_FUNCTION_ARGS must be defined, and only as {' '.join(_CALL_PARAMETER)}"
        )
    if look_at(source, Step("PG_RETURN_NULL"))[0] is None:
        raise UnreadableSourceError(path, "a macro PG_RETURN_NULL that sets isnull must be defined")
    return source


def find_code_files(path: Path) -> list[Path]:
    """Find what the server is built from."""
    headers = (path / "src/include").rglob("*.h")
    return sorted([*headers, *(path / "src/backend").rglob("*.[ch]")])


def read_catalog(path: Path) -> list[BuiltInFunction]:
    """Read pg_proc.dat, and what initdb's SQL files define after it."""
    header = (path / CATALOG / "pg_proc.h").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"(\w+)\s+BKI_DEFAULT\((\w+)\)", header))
    file = path / CATALOG / "pg_proc.dat"
    entries = [defaults | entry for entry in read_entries(file)]
    bodies: set[tuple[str, str]] = set()
    redefined: set[str] = set()
    for sql_file in sorted((path / SQL_FILES).glob("*.sql")):
        for statement in _CREATE_FUNCTION.finditer(sql_file.read_text(encoding="utf-8")):
            name, rest = statement["name"], statement["rest"]
            language = find_word(r"\blanguage\s+'?(\w+)", rest).lower()
            symbol = find_word(r"\bas\s+'(\w+)'", rest)
            is_strict = bool(find_word(r"\b(strict)\b", rest))
            namesakes = [entry for entry in entries if entry["proname"] == name]
            if language == "sql":
                is_same = any(entry["prolang"] == "sql" for entry in namesakes)
            else:
                is_same = is_strict and any(entry["prosrc"] == symbol for entry in namesakes)
            if not is_same:
                redefined.add(name)
            body = find_word(r"\breturn\s+(.*)", rest)
            if is_strict and body:
                bodies.add((f"{name}({squeeze(statement['arguments'])})", squeeze(body)))
    return [describe(entry, bodies, redefined) for entry in entries]


def describe(
    entry: dict[str, str], bodies: set[tuple[str, str]], redefined: set[str]
) -> BuiltInFunction:
    """Say what is in doubt of a function before its C code is read."""
    number, name = int(entry["oid"]), entry["proname"]
    doubt = None
    symbol = None
    if entry["prokind"] != "f" or entry["proretset"] != "f":
        doubt = "it is not a plain function that returns one value"
    elif entry["proisstrict"] != "t":
        doubt = "it is not strict"
    elif entry["prolang"] == "internal":
        symbol = entry["prosrc"]
        doubt = "initdb defines it anew" if name in redefined else None
    elif entry["prolang"] != "sql" or number not in READ_BY_HAND:
        doubt = f"it is written in {entry['prolang']}, and nobody has read it"
    else:
        signature, body = READ_BY_HAND[number]
        own = f"{name}({entry['proargtypes']})", squeeze(entry["prosrc"])
        if not signature.startswith(f"{name}(") or (signature, body) not in bodies | {own}:
            doubt = "it is written in sql, and has another body than somebody has read"
    return BuiltInFunction(number, name, symbol, doubt)


def read_entries(file: Path) -> Iterator[dict[str, str]]:
    """Read a file of Perl data, a list of entries with keys and values."""
    text = file.read_text(encoding="utf-8")
    entry: dict[str, str] = {}
    start = 0
    while start < len(text):
        match = _DATA.match(text, start)
        if match is None:
            line = text.count("\n", 0, start) + 1
            raise UnreadableSourceError(file, f"line {line}: expected key => 'value'")
        if match["mark"] == "{":
            entry = {}
        elif match["mark"] == "}":
            yield entry
        elif match["key"]:
            entry[match["key"]] = re.sub(r"\\(.)", r"\1", match["value"])
        start = match.end()


def find_word(pattern: str, text: str) -> str:
    """Find what the group of a pattern matches, in capitals or not; empty where nothing does."""
    match = re.search(pattern, text, re.IGNORECASE | re.DOTALL)
    return match[1] if match else ""


def squeeze(text: str) -> str:
    """Write text with single spaces."""
    return " ".join(text.split())


# C code, as far as it must be understood


def read_tokens(text: str, macros: dict[str, list[Macro]]) -> list[str]:
    """Split a file into tokens, collect its macros, and mark where `#if` and its like stand."""
    code = _NO_CODE.sub(lambda match: " " if match["comment"] else '""', text)
    tokens: list[str] = []
    for line in code.replace("\\\n", " ").split("\n"):
        directive = _DIRECTIVE.match(line)
        if directive is None:
            tokens += _TOKEN.findall(line)
        elif directive[1] == "define" and (definition := _DEFINE.match(directive[2])):
            name, parameters, body = definition.groups()
            macro = Macro(tuple(_IDENTIFIER.findall(parameters or "")), tuple(_TOKEN.findall(body)))
            if macro not in macros.setdefault(name, []):
                macros[name].append(macro)
        elif directive[1] in _MARKERS:
            tokens.append(_MARKERS[directive[1]])
    return tokens


def find_functions(
    file: Path,
    tokens: Sequence[str],
    macros: dict[str, list[Macro]],
    within: frozenset[str] = frozenset(),
) -> Iterator[tuple[str, CFunction]]:
    """Find the functions that are given a call, also those that a macro defines."""
    head: list[str] = []
    position = 0
    while position < len(tokens):
        word = tokens[position]
        if word == "{":
            end = find_end(tokens, position)
            if end is None:
                start = " ".join(head[:8])
                raise UnreadableSourceError(file, f"the braces do not match after: {start}")
            call = find_call(head, len(head) - 1) if head[-1:] == [")"] else None
            if call and not {*_CALL_TYPES, "PG_FUNCTION_ARGS"}.isdisjoint(head[call.opening :]):
                parameters = tuple(name_parameter(words) for words in call.arguments)
                body = (*head[call.opening :], *tokens[position:end])
                yield call.name, CFunction(parameters, body)
            head = []
            position = end
            continue
        position += 1
        head.append(word)
        if word in {";", "}"}:
            head = []
        elif word == ")" and (call := find_call(head, len(head) - 1)) and call.name not in within:
            for macro in macros.get(call.name, ()):
                if defines_function(macro, macros):
                    written = expand(macro, call.arguments)
                    yield from find_functions(file, written, macros, within | {call.name})
                    head = []


def find_end(tokens: Sequence[str], opening: int) -> int | None:
    """Find the end of a block; the branches of an `#if` inside must open and close as much."""
    depth = 0
    conditions: list[tuple[int, list[int]]] = []
    for position in range(opening, len(tokens)):
        word = tokens[position]
        if word == "{":
            depth += 1
        elif word == "}":
            depth -= 1
            if depth == 0:
                return position + 1
        elif word == _IF:
            conditions.append((depth, []))
        elif word == _ELSE and conditions:
            depth_before, depths = conditions[-1]
            depths.append(depth)
            depth = depth_before
        elif word == _ENDIF and conditions:
            _, depths = conditions.pop()
            if any(other != depth for other in depths):
                break
    return None


@dataclass(frozen=True)
class Call:
    """The call `name(arguments)` around a word, with the arguments up to the word."""

    name: str
    opening: int
    arguments: tuple[tuple[str, ...], ...]


def find_call(tokens: Sequence[str], position: int) -> Call | None:
    """Find the call that a word is an argument of, or that it closes."""
    depth = 0
    bounds = [position]
    for earlier in range(position - 1, 0, -1):
        word = tokens[earlier]
        if word in _MARKERS.values():
            return None
        if word in {")", "]", "}"}:
            depth += 1
        elif word in {"(", "[", "{"} and depth > 0:
            depth -= 1
        elif word == "(":
            bounds = [earlier, *bounds]
            arguments = tuple(tuple(tokens[start + 1 : end]) for start, end in pairwise(bounds))
            name = tokens[earlier - 1]
            return Call(name, earlier, arguments) if is_name([name]) else None
        elif word in {"[", "{", ";"} and depth == 0:
            return None
        elif word == "," and depth == 0:
            bounds = [earlier, *bounds]
    return None


def is_name(tokens: Sequence[str]) -> bool:
    """Say whether this is a word, and may be the name of a function, a variable or a type."""
    return any(_IDENTIFIER.fullmatch(word) and word not in _KEYWORDS for word in tokens)


def name_parameter(declaration: Sequence[str]) -> str:
    """Give the name of a declared parameter."""
    if "PG_FUNCTION_ARGS" in declaration:
        return _CALL_PARAMETER[-1]
    return next((word for word in reversed(declaration) if is_name([word])), "")


def defines_function(
    macro: Macro, macros: dict[str, list[Macro]], within: tuple[Macro, ...] = ()
) -> bool:
    """Say whether a macro stands for the whole definition of a function that is given a call."""
    if {"{", "PG_FUNCTION_ARGS"} <= {*macro.tokens}:
        return True
    return macro not in within and any(
        defines_function(inner, macros, (*within, macro))
        for word in macro.tokens
        for inner in macros.get(word, ())
        if inner.parameters
    )


def expand(macro: Macro, arguments: Sequence[tuple[str, ...]]) -> list[str]:
    """Write out a macro that defines functions."""
    given = dict(zip(macro.parameters, arguments, strict=False))
    tokens: list[str] = []
    is_joined = False
    for word in macro.tokens:
        written = given.get(word, (word,))
        if word == "##":
            is_joined = True
            continue
        if is_joined and tokens and written:
            tokens[-1] += written[0]
            written = written[1:]
        tokens += written
        is_joined = False
    while "CppConcat" in tokens:
        start = tokens.index("CppConcat")
        _, _, first, _, second, _ = tokens[start : start + 6]
        tokens[start : start + 6] = [first + second]
    return tokens


# following `fcinfo`


def find_doubt(source: Source, symbol: str) -> str | None:
    """Say how a C function might return NULL; None is the proof that it cannot."""
    if symbol not in source.functions:
        return f"the C function {symbol} was not found"
    ways = {Step(symbol, 0): symbol}
    waiting = [*ways]
    for step in waiting:
        doubt, next_steps = look_at(source, step)
        if doubt is not None:
            return f"{ways[step]}: {doubt}"
        for next_step in next_steps:
            if next_step not in ways:
                ways[next_step] = f"{ways[step]} > {next_step.name}"
                waiting.append(next_step)
    return None


@dataclass(frozen=True)
class Body:
    """Code that `fcinfo` reaches, what `fcinfo` is called there, and the parameters of a macro."""

    tokens: tuple[str, ...]
    variables: frozenset[str]
    parameters: tuple[str, ...] = ()


def look_at(source: Source, step: Step) -> tuple[str | None, list[Step]]:
    """Read everything that a name may stand for: what is in doubt, and where `fcinfo` goes."""
    if step not in source.looked_at:
        next_steps: dict[Step, None] = {}
        bodies = [*find_bodies(source, step)]
        doubts = [follow(source, body, next_steps) if body else "no such code" for body in bodies]
        if not bodies:
            doubts = ["its code was not found"]
        doubt = next((doubt for doubt in doubts if doubt is not None), None)
        source.looked_at[step] = doubt, [*next_steps]
    return source.looked_at[step]


def find_bodies(source: Source, step: Step) -> Iterator[Body | None]:
    """Find all macros and functions of a name; None stands for one without such an argument."""
    for macro in source.macros.get(step.name, ()):
        # a macro also sees the variable of the function that uses it
        variables = {"fcinfo"} - {*macro.parameters}
        if step.argument is not None:
            parameter = macro.parameters[step.argument : step.argument + 1]
            variables.update(parameter)
            if not parameter:
                yield None
        yield Body(macro.tokens, frozenset(variables), macro.parameters)
    if step.argument is not None:
        for function in source.functions.get(step.name, ()):
            parameter = function.parameters[step.argument : step.argument + 1]
            yield Body(function.tokens, frozenset(parameter)) if parameter else None


def follow(source: Source, body: Body, next_steps: dict[Step, None]) -> str | None:
    """Follow `fcinfo` through one body, and say what there might set `isnull`."""
    tokens = drop_unreachable(body.tokens)
    for position, word in enumerate(tokens):
        before = tokens[position - 1 : position]
        if word == "##":
            words = find_joined(source, tokens, position, body.parameters)
            if words is None or not body.variables.isdisjoint(words):
                return "a macro builds a word that may be fcinfo"
            next_steps |= dict.fromkeys(Step(word) for word in words)
        if word in source.macros:
            next_steps[Step(word)] = None
        if word not in body.variables or before in {(".",), ("->",)} or {*before} & _CALL_TYPES:
            continue
        use = find_use(tokens, position)
        if isinstance(use, str):
            return use
        if use is not None:
            next_steps[use] = None
    return None


def find_use(tokens: tuple[str, ...], position: int) -> Step | str | None:
    """Say which function `fcinfo` is given to, or what is in doubt; None if it is only read."""
    first, last = position, position
    while (
        tokens[first - 1 : first] == ("(",)
        and tokens[last + 1 : last + 2] == (")",)
        and not is_name(tokens[first - 2 : first - 1])
    ):
        first, last = first - 1, last + 1
    if tokens[last + 1 : last + 2] == ("->",):
        member = tokens[last + 2]
        return None if member in _HARMLESS_MEMBERS else f"it uses {member} of fcinfo"
    call = find_call(tokens, position)
    is_argument = tokens[position - 1] in {"(", ","} and tokens[position + 1] in {",", ")"}
    if call is None or not is_argument:
        return f"fcinfo in {' '.join(tokens[max(0, position - 4) : position + 4])}"
    if tokens[call.opening - 2] in {"->", "."}:
        return f"fcinfo is given to the member {call.name}"
    # a variable may be any function, not just that of its name
    for word, before in zip(tokens[1:], tokens, strict=False):
        if word == call.name and (before == "*" or is_name([before])):
            return f"fcinfo is given to the variable {call.name}"
    return Step(call.name, len(call.arguments) - 1)


def drop_unreachable(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Drop `PG_RETURN_NULL` where the statement before it has raised an error."""
    kept: list[str] = []
    for word in tokens:
        if word != "PG_RETURN_NULL" or not always_raises(kept):
            kept.append(word)
    return tuple(kept)


def always_raises(tokens: list[str]) -> bool:
    """Say whether code ends with a statement that always raises an error."""
    call = find_call(tokens, len(tokens) - 2) if tokens[-2:] == [")", ";"] else None
    if call is None or call.name not in _REPORTS or call.arguments[0] not in _FAILURES:
        return False
    before = tokens[: call.opening - 1]
    if before[-1:] == [":"] and is_name(before[-2:-1]):
        before = before[:-2]
    # after `)` or `else` it would depend on a condition
    return before[-1:] in ([";"], ["{"], ["}"])


def find_joined(
    source: Source, tokens: Sequence[str], position: int, parameters: Sequence[str]
) -> set[str] | None:
    """Find which macros, or fcinfo, `first ## second` may become; None if it may be any."""
    first, second = tokens[position - 1], tokens[position + 1]
    is_chain = "##" in {*tokens[position - 2 : position - 1], *tokens[position + 2 : position + 3]}
    if is_chain or {first, second} <= {*parameters}:
        return None
    names = source.macros.keys() | {"fcinfo"}
    if first in parameters:
        parts = {name: name.removesuffix(second) for name in names if name.endswith(second)}
    else:
        parts = {name: name.removeprefix(first) for name in names if name.startswith(first)}
    return {name for name, part in parts.items() if not part or part in source.words}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
