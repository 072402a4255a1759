"""What can be wrong with the files of objects, and with what they make."""

from dataclasses import dataclass
from typing import ClassVar

from dbkit.errors import MigrationError


@dataclass(eq=False)
class BrokenObject(MigrationError):
    """An object file cannot be applied beside the others."""

    path: str
    reason: str

    kind: ClassVar[str] = "file"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(eq=False)
class HeldObject(MigrationError):
    """An object from a file has to be dropped, and something that no file made hangs on it."""

    # type and name of both
    object: str
    holder: str

    kind: ClassVar[str] = "object"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        return (
            f"{self.object} has to be dropped to be made anew, and {self.holder}, which comes from "
            "no object file, depends on it; drop that first, or make the change in a migration"
        )


@dataclass(eq=False)
class LostPart(MigrationError):
    """An object is to be dropped, and with it something that somebody had made on it by hand."""

    # type and name
    object: str
    part: str
    path: str
    is_left_out: bool = False

    kind: ClassVar[str] = "object"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        why = "at that version" if self.is_left_out else "to be made anew"
        return (
            f"{self.object} has to be dropped {why}, and {self.part} would be lost with "
            f"it; write what makes that into {self.path}, or drop it first"
        )


@dataclass(eq=False)
class NotOneObject(MigrationError):
    """An object file makes no object, or several."""

    path: str
    # type and name of each
    objects: tuple[str, ...]

    kind: ClassVar[str] = "file"
    version: ClassVar[int | None] = None

    def __str__(self) -> str:
        return (
            f"{self.path}: is to make one view, function, procedure, trigger or policy, or to "
            f"grant and revoke alone, and makes {', '.join(self.objects) or 'none'}"
        )
