"""Choose the names of one generated module, so that none of them hides another."""

import builtins
import re
from collections.abc import Iterable, Iterator
from itertools import chain, count
from keyword import iskeyword

from dbkit.pgtypes import class_name

Fields = tuple[tuple[str, str], ...]

# the first words of a query's name that say what it does, and how its rows are called for that
_DONE = {
    "add": "Added",
    "change": "Changed",
    "claim": "Claimed",
    "create": "Created",
    "delete": "Deleted",
    "find": "Found",
    "get": "Got",
    "insert": "Inserted",
    "list": "Listed",
    "publish": "Published",
    "remove": "Removed",
    "restore": "Restored",
    "search": "Found",
    "stream": "Streamed",
    "update": "Updated",
    "upsert": "Upserted",
}
# the first that fits; a singular that ends like a plural stays
_PLURALS = (
    *((ending, ending) for ending in ("ss", "us", "is", "series", "news")),
    ("ies", "y"),
    *((f"{ending}es", ending) for ending in ("ss", "us", "x", "ch", "sh")),
    ("s", ""),
)
# what an annotation may mean by these is settled before classes are named
_RESERVED = frozenset(
    {
        "Any",
        "AsText",
        "AsyncConnection",
        "AsyncStream",
        "Connection",
        "Coroutine",
        "Decimal",
        "IPv4Address",
        "IPv4Interface",
        "IPv4Network",
        "IPv6Address",
        "IPv6Interface",
        "IPv6Network",
        "Iterable",
        "Json",
        "JsonLike",
        "Literal",
        "Multirange",
        "OMITTED",
        "Omitted",
        "Origin",
        "Parameter",
        "Path",
        "Range",
        "Result",
        "Sequence",
        "Source",
        "Stream",
        "TypeAlias",
        "TypedQuery",
        "UUID",
    }
)


class Classes:
    """The classes of a module: one for all that have the same fields.

    A row is called for what its first query did, the participle of the first word: `list_recent`
    gives `Listed`. Where that is taken by other columns, the rest of the name follows
    (`ListedActive`); a query that begins with no such word lends its whole name.
    """

    def __init__(self, functions: Iterable[str]) -> None:
        self._taken = set(functions) | _RESERVED
        self._rows: dict[Fields, str] = {}
        self._inner: dict[tuple[str, Fields], str] = {}

    def row(self, query: str, fields: Fields) -> str:
        """Name the class of a query's rows."""
        if fields not in self._rows:
            verb, _, rest = query.partition("_")
            done = _DONE.get(verb)
            short = done or class_name(query, ())
            long = f"{done}{class_name(rest, ())}" if done and rest else short
            self._rows[fields] = self._free(short, long)
        return self._rows[fields]

    def inner(self, suggested: str, fields: Fields) -> str:
        """Name the class of a value with parts inside a row: one of `step_runs` is a `StepRun`."""
        key = suggested, fields
        if key not in self._inner:
            name = class_name(_one_of(suggested), fields)
            self._inner[key] = self._free(name, f"{name}Row")
        return self._inner[key]

    def other(self, suggested: str) -> str:
        """Name something else that stands beside the classes."""
        name = class_name(suggested, ())
        return self._free(name, f"{name}Value")

    def _free(self, *wished: str) -> str:
        numbered = (f"{wished[-1]}{number}" for number in count(2))
        name = next(one for one in chain(wished, numbered) if one not in self._taken)
        self._taken.add(name)
        return name


def _one_of(things: str) -> str:
    for ending, singular in _PLURALS:
        if things.endswith(ending):
            return things.removesuffix(ending) + singular
    return things


class Imports:
    """What a module imports, and what it calls that where the name is taken already."""

    def __init__(self, taken: Iterable[str], hidden: Iterable[str]) -> None:
        self._taken = frozenset(taken)
        # parameters, which hide what a function's body would use
        self._hidden = frozenset(hidden)
        self._local: dict[str, str] = {}

    def use(self, dotted: str, *, in_body: bool = False) -> str:
        """Import a name, and say what it is called here."""
        if dotted not in self._local:
            local = dotted.rpartition(".")[2]
            taken = self._taken.union(self._local.values(), self._hidden if in_body else ())
            while local in taken:
                local += "_"
            self._local[dotted] = local
        return self._local[dotted]

    def use_in(self, name: str, dotted: Iterable[str]) -> str:
        """Say what a name in an annotation is called here, its imports being these."""
        for one in dotted:
            if one.rpartition(".")[2] == name:
                return self.use(one)
        if name in self._taken and hasattr(builtins, name) and not iskeyword(name):
            return self.use(f"builtins.{name}")
        return name

    def __iter__(self) -> Iterator[str]:
        return iter(self._local)

    def lines(self, sections: "tuple[frozenset[str], frozenset[str]]") -> list[str]:
        """Write the imports as isort would; the sections are the standard library and ours."""
        blocks: tuple[list[str], list[str], list[str]] = ([], [], [])
        modules = sorted({dotted.rpartition(".")[0] for dotted in self._local}, key=_natural)
        for module in modules:
            top = module.partition(".")[0]
            place = 0 if top in sections[0] else 2 if top in sections[1] else 1
            blocks[place].extend(self._of(module))
        return "\n\n".join("\n".join(block) for block in blocks if block).splitlines()

    def _of(self, module: str) -> list[str]:
        found = {
            dotted.rpartition(".")[2]: local
            for dotted, local in self._local.items()
            if dotted.rpartition(".")[0] == module
        }
        plain = sorted((name for name, local in found.items() if name == local), key=_member)
        renamed = sorted((name for name, local in found.items() if name != local), key=_member)
        lines = [f"from {module} import {name} as {found[name]}" for name in renamed]
        if plain:
            line = f"from {module} import {', '.join(plain)}"
            if len(line) > _WIDTH:
                line = "\n".join([f"from {module} import (", *(f"    {x}," for x in plain), ")"])
            lines.append(line)
        return sorted(lines, key=lambda line: _member(re.split(r"import \(?\s*", line)[1]))


_WIDTH = 88


def _member(name: str) -> tuple[int, str, str]:
    first = re.split(r"\W", name, maxsplit=1)[0]
    kind = 0 if first.isupper() and len(first) > 1 else 1 if first[:1].isupper() else 2
    return kind, first.lower(), name


def _natural(module: str) -> tuple[str, str]:
    return module.lower(), module
