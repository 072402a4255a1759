"""What can keep the migrations of another tool from being brought here."""

from dataclasses import dataclass

from dbkit.errors import ConfigurationError, DbkitError, SourceFault


@dataclass(eq=False)
class NotCarriedOver(SourceFault):
    """Something in a file of another tool that a migration here cannot say."""

    reason: str

    def fault(self) -> str:
        return self.reason


@dataclass(eq=False)
class UnusableOrigin(ConfigurationError):
    """A file or folder of another tool that cannot be brought here."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(eq=False)
class TargetTaken(ConfigurationError):
    """A file that would be written is there, or the folder holds migrations."""

    path: str

    def __str__(self) -> str:
        return (
            f"{self.path} is there already, and nothing is overwritten; "
            "import into a system that has no migrations yet"
        )


@dataclass(eq=False)
class OwnFolder(ConfigurationError):
    """The folder of another tool is the one into which its migrations would be written."""

    path: str
    format: str
    system: str

    def __str__(self) -> str:
        return (
            f"{self.path} is where the migrations of {self.system} are written; move the old files "
            f"into a folder of their own first, such as old, and run "
            f"dbkit import {self.format} old {self.system}"
        )


@dataclass(eq=False)
class NoAlembic(ConfigurationError):
    """Alembic, which writes the SQL of its revisions, is not installed here."""

    path: str
    system: str

    def __str__(self) -> str:
        return (
            f"alembic is not installed here, and it alone can write {self.path} as SQL; where it "
            "is, run `alembic upgrade head --sql > up.sql` and "
            "`alembic downgrade head:base --sql > down.sql`, put both into one folder, and name "
            f"it: dbkit import alembic FOLDER {self.system}"
        )


@dataclass(eq=False)
class AlembicFailed(DbkitError):
    """Alembic could not write its revisions as SQL."""

    command: str
    output: str

    def __str__(self) -> str:
        return (
            f"`{self.command}` failed: {self.output}; a revision that asks the database while it "
            "runs cannot be written as SQL"
        )
