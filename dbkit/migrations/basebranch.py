"""Ask git which migrations another branch has, and hold those of this checkout against them."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dbkit.errors import MigrationError, SourceFault
from dbkit.migrations.errors import NoBase, UnusableFile, WrongBesideBase
from dbkit.migrations.files import Files, MigrationFile, checksum, migration_file, read_bytes

_SUFFIX = ".sql"
_ROLLBACK = ".rollback.sql"
_SECONDS = 60


def find_base_faults(files: Files, folder: Path, ref: str) -> list[MigrationError]:
    """Return what would go wrong where the migrations of a branch have run, and these come next."""
    before = names_at(folder, where_parted(folder, ref))
    now = names_at(folder, ref)
    return [
        *_removed_or_edited(files, folder, ref, before),
        *_badly_numbered(files, ref, before | now, now),
    ]


def _removed_or_edited(
    files: Files, folder: Path, ref: str, before: set[str]
) -> Iterator[MigrationError]:
    here = {file.name: file for file in files.migrations}
    for name in sorted(before):
        if name not in here:
            reason = f"is on {ref} and was removed here; bring the file back"
            yield WrongBesideBase("missing", _number(name), name, reason)
        elif _was_edited(here[name], folder, ref):
            reason = (
                f"is on {ref} and was edited here; put its text back and make the change a new "
                "migration"
            )
            yield WrongBesideBase("edited", here[name].version, here[name].shown, reason)


def _badly_numbered(
    files: Files, ref: str, known: set[str], now: set[str]
) -> Iterator[MigrationError]:
    taken = {_number(name): name for name in now}
    here = set(files.versions)
    newest = max(taken, default=0)
    renumber = f"dbkit renumber {files.system} --base {ref}"
    for file in files.migrations:
        if file.name in known:
            continue
        other = taken.get(file.version)
        if other is not None and other not in here:
            reason = (
                f"has number {file.version}, which {other} has on {ref}; merge {ref}, then run: "
                f"{renumber}"
            )
            yield WrongBesideBase("duplicate", file.version, file.shown, reason)
        elif other is None and file.version < newest:
            reason = (
                f"is new, and comes before number {newest} of {ref}; give it a number at the end "
                f"with: {renumber}"
            )
            yield WrongBesideBase("gap", file.version, file.shown, reason)


def _was_edited(file: MigrationFile, folder: Path, ref: str) -> bool:
    with suppress(SourceFault, UnusableFile):
        content = read_bytes(file.path, file.shown)
        for place in (where_parted(folder, ref), ref):
            # an edit on the other branch that was merged is theirs
            with suppress(NoBase):
                other = content_at(folder, place, file.name)
                if other == content or checksum(other, file.shown).meaning == (
                    checksum(content, file.shown).meaning
                ):
                    return False
        return True
    return False


def _number(name: str) -> int:
    with suppress(UnusableFile):
        return migration_file(Path(f"{name}.sql")).version
    return 0


def names_at(folder: Path, ref: str) -> set[str]:
    """Return the names of the migrations that a folder has at a branch or commit."""
    listed = _git(folder, ref, "ls-tree", "-z", "--name-only", f"{ref}^{{commit}}")
    names = listed.decode(errors="replace").split("\0")
    return {
        name.removesuffix(_SUFFIX)
        for name in names
        if name.endswith(_SUFFIX) and not name.endswith(_ROLLBACK)
    }


def content_at(folder: Path, ref: str, name: str) -> bytes:
    """Return what the file of a migration holds at a branch or commit."""
    return _git(folder, ref, "show", f"{ref}:./{name}{_SUFFIX}")


def where_parted(folder: Path, ref: str) -> str:
    """Return the commit from which a branch and this checkout went their own ways."""
    return _git(folder, ref, "merge-base", ref, "HEAD").decode().strip()


def _git(folder: Path, ref: str, *arguments: str) -> bytes:
    command = ["git", "-C", str(folder), *arguments]
    try:
        ran = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoBase(ref, str(error)) from error
    if ran.returncode != 0:
        lines = ran.stderr.decode(errors="replace").strip().splitlines()
        raise NoBase(ref, lines[-1] if lines else f"git ended with {ran.returncode}")
    return ran.stdout
