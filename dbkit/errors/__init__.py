"""The front door to every error dbkit raises.

A room's errors are loaded when the first of them is asked for: making forty classes takes
longer than finding that nothing is pending.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbkit.errors.kinds import (
        ConfigurationError,
        DbkitError,
        MigrationError,
        QueryError,
        ServerError,
        SourceError,
    )
    from dbkit.errors.migration import (
        BrokenObject,
        DuplicateVersion,
        EditedMigration,
        ForeignLedger,
        GapInVersions,
        HoleInLedger,
        Locked,
        MissingMigration,
        MissingRollback,
        NoSuchVersion,
        NotEmpty,
        PooledConnection,
        RecordedByYoyoAlone,
        RenamedMigration,
        UnfinishedMigration,
        UnmarkedByYoyo,
        UnusableFile,
    )
    from dbkit.errors.script import (
        BackslashCommand,
        BadDirective,
        EmptyMigration,
        TransactionControl,
    )
    from dbkit.errors.server import (
        BrokenBinaries,
        ClusterGone,
        DidNotStart,
        DidNotStop,
        ForeignFolder,
        InitdbFailed,
        NeverStarted,
        NoAccount,
        NoPostgres,
        NoRoomElsewhere,
        NotBinaries,
        OtherMajorVersion,
        ServerHeld,
        UnusableFolder,
    )
    from dbkit.errors.settings import (
        CannotConnect,
        InvalidSettings,
        UnknownSystem,
    )
    from dbkit.errors.source import (
        InterruptedStatement,
        NulCharacter,
        SourceFault,
        UnclosedText,
        UndecodableFile,
    )

__all__ = [
    "BackslashCommand",
    "BadDirective",
    "BrokenBinaries",
    "BrokenObject",
    "CannotConnect",
    "ClusterGone",
    "ConfigurationError",
    "DbkitError",
    "DidNotStart",
    "DidNotStop",
    "DuplicateVersion",
    "EditedMigration",
    "EmptyMigration",
    "ForeignFolder",
    "ForeignLedger",
    "GapInVersions",
    "HoleInLedger",
    "InitdbFailed",
    "InterruptedStatement",
    "InvalidSettings",
    "Locked",
    "MigrationError",
    "MissingMigration",
    "MissingRollback",
    "NeverStarted",
    "NoAccount",
    "NoPostgres",
    "NoRoomElsewhere",
    "NoSuchVersion",
    "NotBinaries",
    "NotEmpty",
    "NulCharacter",
    "OtherMajorVersion",
    "PooledConnection",
    "QueryError",
    "RecordedByYoyoAlone",
    "RenamedMigration",
    "ServerError",
    "ServerHeld",
    "SourceError",
    "SourceFault",
    "TransactionControl",
    "UnclosedText",
    "UndecodableFile",
    "UnfinishedMigration",
    "UnknownSystem",
    "UnmarkedByYoyo",
    "UnusableFile",
    "UnusableFolder",
]

_ROOMS = ("kinds", "migration", "script", "server", "settings", "source")


def __getattr__(name: str) -> object:
    for room in _ROOMS if name in __all__ else ():
        found = vars(import_module(f"dbkit.errors.{room}")).get(name)
        if found is not None:
            return found
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
