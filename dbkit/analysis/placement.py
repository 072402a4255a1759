"""Find where a role may make the function in which statements are analysed, or say why nowhere."""

from weakref import WeakKeyDictionary

import psycopg

from dbkit.analysis.catalog import Catalog
from dbkit.analysis.lostproof import LossCause, LostProof
from dbkit.analysis.roundtrip import command
from dbkit.analysis.undoing import Undone

_TEMPORARY = "pg_temp"
# SQLSTATE insufficient_privilege and read_only_sql_transaction
_RIGHT, _READ_ONLY = "42501", "25006"
_RIGHTS = """
select
    pg_catalog.quote_ident(pg_catalog.current_database()),
    pg_catalog.quote_ident(current_user),
    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'temporary'),
    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create'),
    (
        select pg_catalog.quote_ident(nspname)
        from pg_catalog.pg_namespace as space
        where
            nspname !~ '^pg_'
            and nspname <> 'information_schema'
            and pg_catalog.has_schema_privilege(space.oid, 'create')
        order by pg_catalog.array_position(pg_catalog.current_schemas(false), nspname), nspname
        limit 1
    ),
    pg_catalog.pg_is_in_recovery()
"""


class Placement:
    """The schema for the function: the temporary one, else any that the role may create in."""

    def __init__(self) -> None:
        self._schema = _TEMPORARY
        # the role has none, and may make one
        self._is_made = False
        # known of the role, so that it is not tried again
        self.lost: LostProof | None = None

    def creating(self, name: str, declaration: str) -> list[str]:
        """Return the statements that create a function of this name."""
        schema = name if self._is_made else self._schema
        making = [f"create schema {name}"] if self._is_made else []
        return [*making, f"create function {schema}.{name}{declaration}"]

    def refused(self, attempt: Undone, error: psycopg.Error) -> LostProof | None:
        """Return why there is no place for the function, None where another one was found."""
        answers = attempt.exchange([command(_RIGHTS)])
        if (refused := answers.refused) is not None:
            raise answers.error(refused)
        [(database, role, may_temporary, may_make, schema, is_standby)] = answers.rows(0)
        reason = error.diag.message_primary or str(error)
        if error.sqlstate == _READ_ONLY:
            if is_standby == "t":
                remedy = "ask the primary server, of which this one is a standby"
                return LostProof(LossCause.STANDBY, reason, remedy)
            remedy = "begin the transaction `read write`; all that is done in it is undone"
            return LostProof(LossCause.READ_ONLY, reason, remedy)
        if may_temporary == "f" and self._schema == _TEMPORARY and not self._is_made:
            if schema:
                self._schema = schema
                return None
            if may_make == "t":
                self._is_made = True
                return None
        remedy = (
            f"grant it with `grant temporary on database {database} to {role}`"
            if may_temporary == "f"
            else f"grant it to {role}"
        )
        self.lost = LostProof(LossCause.RIGHT, reason, remedy)
        return self.lost


def is_of_the_session(error: psycopg.Error) -> bool:
    """Whether a function is refused for what the role or the session may not do."""
    return error.sqlstate in {_RIGHT, _READ_ONLY}


def placement_of(catalog: Catalog) -> Placement:
    """Return the place that was found while the catalog was read."""
    return _PLACEMENTS.setdefault(catalog, Placement())


_PLACEMENTS: WeakKeyDictionary[Catalog, Placement] = WeakKeyDictionary()
