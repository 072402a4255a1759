"""Read a plain folder of SQL: `1_name.sql`, with `.down.sql` or `.rollback.sql` beside it."""

import re
from pathlib import Path

from dbkit.errors import SourceFault
from dbkit.operations.foreign.histories import (
    Annotation,
    Half,
    History,
    OldFolder,
    OldMigration,
    find_annotations,
)
from dbkit.sqltext import BLANK, Source, tokens

_DOWN = re.compile(r"(.*)[._](?:down|rollback|undo|revert)\.sql", re.DOTALL | re.IGNORECASE)
_UP = re.compile(r"(.*?)(?:[._]up)?\.sql", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"\d+", re.ASCII)
# yoyo's own, and dbkit's
_HEADER = re.compile(r"--\s*((?:transactional|depends)\s*:.*)", re.IGNORECASE)


def read_plain(folder: OldFolder) -> History:
    """Find the files; the order is that of the numbers in front, or else that of the names."""
    ups: dict[str, Path] = {}
    downs: dict[str, Path] = {}
    for path in folder.files():
        if undoing := _DOWN.fullmatch(path.name):
            downs[undoing[1]] = path
        elif doing := _UP.fullmatch(path.name):
            ups[doing[1]] = path
        elif path.suffix == ".py":
            folder.refuse(path, "is a program; write what it does as SQL beside it")
    for name in downs.keys() - ups.keys():
        folder.refuse(downs[name], f"there is no {name}.sql that it could undo")
    numbers = {name: _NUMBER.match(name) for name in ups}
    numbered = all(numbers.values())

    def order(name: str) -> tuple[int, str]:
        number = numbers[name]
        return (int(number[0]) if numbered and number else 0), name

    names = sorted(ups, key=order)
    migrations: list[OldMigration] = []
    for name in names:
        number = numbers[name]
        up = _half(folder, ups[name])
        _check_dependencies(folder, up.source, [old.name for old in migrations])
        migrations.append(
            OldMigration(
                name,
                name[number.end() :] if number else name,
                up,
                _half(folder, downs[name]) if name in downs else None,
            )
        )
    return folder.history("a plain folder", migrations)


def _half(folder: OldFolder, path: Path) -> Half:
    half = folder.whole(path)
    header = _header(half.source)
    alone = any(
        _value(annotation.words, "transactional") in {"false", "False"} for annotation in header
    )
    lines = frozenset(annotation.line for annotation in header)
    return half._replace(transactional=not alone, left_out=lines)


def _header(source: Source) -> list[Annotation]:
    """Return the lines of the header, which ends where the first statement begins."""
    try:
        start = next(
            (token.start for token in tokens(source.text) if token.kind not in BLANK),
            len(source.text),
        )
    except SourceFault:
        # a comment that is never closed: told when the file is split into statements
        start = 0
    return [line for line in find_annotations(source, _HEADER) if line.start < start]


def _check_dependencies(folder: OldFolder, source: Source, before: list[str]) -> None:
    """Find a `-- depends:` that the order of the names does not keep."""
    for annotation in _header(source):
        for name in (_value(annotation.words, "depends") or "").split():
            if name not in before:
                folder.refuse_line(
                    source, annotation.start, f"comes before {name} here, by the names of the files"
                )


def _value(words: tuple[str, ...], key: str) -> str | None:
    name, _, value = " ".join(words).partition(":")
    return value.strip() if name.strip().lower() == key else None
