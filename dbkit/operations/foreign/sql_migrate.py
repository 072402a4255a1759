"""Read migrations of sql-migrate: one file with `-- +migrate Up` and `-- +migrate Down`."""

import re

from dbkit.operations.foreign.histories import (
    History,
    OldFolder,
    OldMigration,
    cut_in_two,
    find_annotations,
)

_NUMBER = re.compile(r"\d+", re.ASCII)
_ANNOTATION = re.compile(r"-- \+migrate (.*)")
_DIRECTIONS = {"Up": "up", "Down": "down"}


def read_sql_migrate(folder: OldFolder) -> History:
    """Find the files; the order is that of the numbers in front, then that of the names."""
    migrations: list[tuple[tuple[bool, int, str], OldMigration]] = []
    for path in folder.files():
        if path.suffix != ".sql":
            continue
        source = folder.read(path)
        annotations = find_annotations(source, _ANNOTATION)
        words = [annotation.words or ("",) for annotation in annotations]
        directions = [_DIRECTIONS.get(word) for word, *_ in words]
        if "up" not in directions:
            folder.refuse(path, "has no line `-- +migrate Up`; put it in, or move the file away")
            continue
        up, down = cut_in_two(source, annotations, directions)
        alone = {word for word, *options in words if "notransaction" in options}
        number = _NUMBER.match(path.name)
        # the tool records the name of the file
        key = (number is None, int(number[0]) if number else 0, path.name)
        title = path.stem[number.end() :] if number else path.stem
        migration = OldMigration(
            path.stem,
            title,
            up._replace(transactional="Up" not in alone),
            down and down._replace(transactional="Down" not in alone),
        )
        migrations.append((key, migration))
    migrations.sort(key=lambda found: found[0])
    return folder.history("sql-migrate", [migration for _, migration in migrations])
