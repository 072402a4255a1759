"""Read migrations of goose: one file with `-- +goose Up` and `-- +goose Down`."""

import re
from collections.abc import Sequence
from pathlib import Path

from dbkit.operations.foreign.histories import (
    Annotation,
    History,
    OldFolder,
    OldMigration,
    cut_in_two,
    find_annotations,
)
from dbkit.sqltext import Source

_NAME = re.compile(r"(\d+)_(.*)\.(sql|go)", re.ASCII | re.DOTALL)
# goose reads them in upper or lower case
_ANNOTATION = re.compile(r"--\s*\+goose\s+(.*?)\s*")
_KNOWN = {
    "up",
    "down",
    "statementbegin",
    "statementend",
    "no transaction",
    "envsub on",
    "envsub off",
}
_VARIABLE = re.compile(r"\$(?:\{|[A-Za-z_])")


def read_goose(folder: OldFolder) -> History:
    """Find the files; the order is the number's."""
    found: list[tuple[int, Path, OldMigration]] = []
    for path in folder.files():
        match = _NAME.fullmatch(path.name)
        if match is None or int(match[1]) < 1:
            if path.suffix == ".sql":
                folder.pass_over(path, "goose runs NUMBER_name.sql, from 1 on")
            continue
        if match[3] == "go":
            if not path.stem.endswith("_test"):
                folder.refuse(path, "is a program in Go; write what it does as SQL beside it")
            continue
        if (migration := _read(folder, path, match[2])) is not None:
            found.append((int(match[1]), path, migration))
    return folder.history("goose", folder.sorted(found))


def _read(folder: OldFolder, path: Path, title: str) -> OldMigration | None:
    source = folder.read(path)
    annotations = find_annotations(source, _ANNOTATION)
    says = [" ".join(annotation.words).lower() for annotation in annotations]
    for annotation, said in zip(annotations, says, strict=True):
        if said not in _KNOWN:
            folder.refuse_line(source, annotation.start, "goose knows no such annotation")
    if says.count("up") != 1 or says.count("down") > 1:
        folder.refuse(path, "wants one line `-- +goose Up`, and at most one `-- +goose Down`")
        return None
    _refuse_variables(folder, source, annotations, says)
    up, down = cut_in_two(
        source, annotations, [said if said in {"up", "down"} else None for said in says]
    )
    transactional = "no transaction" not in says
    return OldMigration(
        path.stem,
        title,
        up._replace(transactional=transactional),
        down and down._replace(transactional=transactional),
    )


def _refuse_variables(
    folder: OldFolder, source: Source, annotations: Sequence[Annotation], says: Sequence[str]
) -> None:
    """Find what goose replaces by variables of the environment, below ENVSUB ON."""
    ends = [annotation.start for annotation in annotations[1:]] + [len(source.text)]
    replaced = False
    for annotation, said, end in zip(annotations, says, ends, strict=True):
        if said.startswith("envsub"):
            replaced = said == "envsub on"
        if replaced:
            for variable in _VARIABLE.finditer(source.text, annotation.start, end):
                folder.refuse_line(
                    source,
                    variable.start(),
                    "goose puts a variable of the environment here; write its value",
                )
