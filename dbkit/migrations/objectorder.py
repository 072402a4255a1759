"""Guess from their texts in which order object files can be applied."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from dbkit.migrations.files import ObjectFile
from dbkit.migrations.objecterrors import BrokenObject
from dbkit.migrations.script import Script

_WORD = re.compile(r"\w+")
_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_CREATED = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:(?:recursive|materialized)\s+)?"
    r"(?:view|function|procedure|aggregate)\s+(?:if\s+not\s+exists\s+)?"
    rf"(?:{_NAME}\s*\.\s*)?({_NAME})",
    re.IGNORECASE,
)


class Makers:
    """Which files make the things of a name, as far as their texts say it."""

    def __init__(self, scripts: Mapping[ObjectFile, Script]) -> None:
        self._names = {
            file: _made_names(script) or {file.path.stem.lower()}
            for file, script in scripts.items()
        }
        self._files: dict[str, list[ObjectFile]] = {}
        for file, names in self._names.items():
            for name in names:
                self._files.setdefault(name, []).append(file)

    def rivals(self, file: ObjectFile) -> list[ObjectFile]:
        """Return the other files that make something of the same name."""
        names = self._names[file]
        return [other for name in names for other in self._files[name] if other is not file]

    def mentioned(self, text: str) -> list[ObjectFile]:
        """Return the files that make something whose name is one of the words of a text.

        The words of a message are those of the server's language, and the names in it are not:
        so it needs no understanding of the message.
        """
        words = dict.fromkeys(_WORD.findall(text.lower()))
        return [file for word in words for file in self._files.get(word, ())]


def in_order(
    files: Iterable[ObjectFile], scripts: Mapping[ObjectFile, Script], makers: Makers
) -> list[ObjectFile]:
    """Return the files so that each comes after those whose objects its text names.

    It is a guess: a name in a text may be that of a column, and two functions may name each other.
    The server's errors correct it.
    """
    wanted = dict.fromkeys(files)
    ordered: dict[ObjectFile, None] = {}
    begun: set[ObjectFile] = set()

    def needs(file: ObjectFile) -> Iterator[ObjectFile]:
        text = "\n".join(statement.text for statement in scripts[file].statements)
        return iter([other for other in makers.mentioned(text) if other in wanted])

    for first in wanted:
        # no recursion: a chain of files may be longer than Python's stack
        path = [] if first in begun else [(first, needs(first))]
        begun.add(first)
        while path:
            file, rest = path[-1]
            other = next((other for other in rest if other not in begun), None)
            if other is None:
                ordered[file] = None
                path.pop()
            else:
                begun.add(other)
                path.append((other, needs(other)))
    return list(ordered)


def refuse_circle(files: Sequence[ObjectFile]) -> None:
    """Refuse files whose `-- after:` lines cannot all be kept."""
    if not any(file.after for file in files):
        return
    by_stem = {file.path.stem: file for file in files}
    try:
        TopologicalSorter({stem: file.after for stem, file in by_stem.items()}).prepare()
    except CycleError as error:
        circle = sorted(by_stem[stem].path.name for stem in set(error.args[1]))
        shown = min(by_stem[stem].shown for stem in error.args[1])
        raise BrokenObject(
            shown, f"these files are each to come after another: {', '.join(circle)}"
        ) from None


def _made_names(script: Script) -> set[str]:
    return {
        found[1].strip('"').replace('""', '"').lower()
        for statement in script.statements
        if statement.command == "create" and (found := _CREATED.match(statement.text))
    }
