"""Read migrations of dbmate: one file with `-- migrate:up` and `-- migrate:down`."""

import re

from dbkit.operations.foreign.histories import (
    History,
    OldFolder,
    OldMigration,
    cut_in_two,
    find_annotations,
)

_NAME = re.compile(r"(\d+)(.*)\.sql", re.ASCII | re.DOTALL)
_ANNOTATION = re.compile(r"--\s*migrate:((?:up|down)(?:\s.*)?)")


def read_dbmate(folder: OldFolder) -> History:
    """Find the files; the order is that of their names."""
    migrations: list[OldMigration] = []
    for path in folder.files():
        match = _NAME.fullmatch(path.name)
        if match is None:
            if path.suffix == ".sql":
                folder.pass_over(path, "dbmate runs files whose name begins with a number")
            continue
        source = folder.read(path)
        annotations = find_annotations(source, _ANNOTATION)
        directions = [annotation.words[0] for annotation in annotations]
        if directions[:1] != ["up"]:
            folder.refuse(path, "its first block is not `-- migrate:up`; put that line in")
            continue
        up, down = cut_in_two(source, annotations, directions)
        alone = {
            annotation.words[0]
            for annotation in annotations
            if "transaction:false" in annotation.words
        }
        migrations.append(
            OldMigration(
                path.stem,
                match[2],
                up._replace(transactional="up" not in alone),
                down and down._replace(transactional="down" not in alone),
            )
        )
    return folder.history("dbmate", migrations)
