"""Raw SQL for Python and psql alike: migrations and typed queries without an ORM."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbkit.analysis import describe, describe_many
    from dbkit.application import Application, Applications, project
    from dbkit.loading import load
    from dbkit.pools import OVERFLOWING, STEADY, Sizes, open_async_database, open_database
    from dbkit.runtime import Call, Observing, observe
    from dbkit.slowcalls import log_slow_calls
    from dbkit.transactions import async_transaction, transaction

__all__ = [
    "OVERFLOWING",
    "STEADY",
    "Application",
    "Applications",
    "Call",
    "Observing",
    "Sizes",
    "async_transaction",
    "describe",
    "describe_many",
    "load",
    "log_slow_calls",
    "observe",
    "open_async_database",
    "open_database",
    "project",
    "transaction",
]
__version__ = "0.1.0"

# imported when asked for: the command line starts faster than the driver loads
_MODULES = {
    "OVERFLOWING": "pools",
    "STEADY": "pools",
    "Application": "application",
    "Applications": "application",
    "Call": "runtime",
    "Observing": "runtime",
    "Sizes": "pools",
    "async_transaction": "transactions",
    "describe": "analysis",
    "describe_many": "analysis",
    "load": "loading",
    "log_slow_calls": "slowcalls",
    "observe": "runtime",
    "open_async_database": "pools",
    "open_database": "pools",
    "project": "application",
    "transaction": "transactions",
}


if not TYPE_CHECKING:
    from dbkit.doors import lazy_door

    __getattr__ = lazy_door(__name__, _MODULES)
