"""The rules of the check, one function each; to add one, write a function here."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import LiteralString

from dbkit.analysis import LossCause
from dbkit.check.finding import Observation, name_of
from dbkit.check.needs import (
    ALLOWANCES,
    DATABASE,
    MIGRATIONS,
    PACKAGE,
    QUERY_FILES,
    REFUSED_QUERY,
    TENANT,
    TENANT_DETAIL,
    TYPED_QUERIES,
    TYPED_QUERY,
    AllowedQuery,
    MigratedDatabase,
    MigrationState,
    PackageState,
    RefusedQuery,
    TenantQuery,
)
from dbkit.check.registry import Registry, Severity
from dbkit.check.rolerules import ROLE_RULES
from dbkit.errors import DbkitError, nearest
from dbkit.migrations import what_is_gone
from dbkit.queryfiles import ClashingQueries, QueryKind
from dbkit.typedqueries import DoesNotPrepare, TypedQuery, find_different_rows

RULES = Registry()

_LISTS = {QueryKind.MANY, QueryKind.STREAM, QueryKind.BATCH}
_HAS_COLUMN: LiteralString = """
select
from pg_catalog.pg_attribute as attribute
join pg_catalog.pg_class as relation on relation.oid = attribute.attrelid
where
    attribute.attname = $1
    and not attribute.attisdropped
    and relation.relkind in ('r', 'p')
limit 1
"""


# what a query does


@RULES.rule(
    "unordered",
    Severity.WARNING,
    TYPED_QUERY,
    why=(
        "Without `order by` PostgreSQL gives the rows in whatever order it finds them, and that "
        "changes with the data, the plan and the version."
    ),
    remedy=(
        "End the outermost query with `order by` and a unique column last; rows of `returning` "
        "can only be ordered around it, as in `with changed as (update … returning …) select … "
        "from changed order by …`; where the order means nothing, write `-- allow: unordered, "
        "reason` in the header."
    ),
    example="-- Orders.\n-- :many\nselect id, note from orders;\n",
)
def unordered(typed: TypedQuery) -> Iterator[Observation]:
    """Find a list of rows that comes in no order, unless it has one row at most."""
    if typed.query.kind not in _LISTS:
        return
    for combination, description in typed.described:
        may_be_several = bool(description.columns) and not description.at_most_one
        if may_be_several and description.is_ordered is False:
            message = f":{typed.query.kind} without `order by`: the rows come in no fixed order"
            message += _where(combination.given, typed)
            yield Observation.of_query(typed.query, message)
            return


@RULES.rule(
    "uncertain",
    Severity.WARNING,
    TYPED_QUERY,
    why=(
        "A `:one` or `:optional` raises `TooManyRows` when a second row comes back, and no "
        "unique key keeps a second row from being there."
    ),
    remedy=(
        "Compare all columns of a unique key by `=`, add `limit 1`, or make it `:many`; where "
        "something else keeps it to one row, write `-- allow: uncertain, reason` in the header."
    ),
    example=(
        "-- The order with this note.\n-- :optional\nselect id from orders where note = :'note';\n"
    ),
)
def uncertain(typed: TypedQuery) -> Iterator[Observation]:
    """Find a query that may give more rows than its kind promises."""
    if typed.is_certain or typed.is_lost_here:
        return
    several = next(
        combination for combination, description in typed.described if not description.at_most_one
    )
    reason = "more than one row may come back: no unique key is fixed by equality"
    message = f":{typed.query.kind}, but {reason}{_where(several.given, typed)}"
    yield Observation.of_query(typed.query, message)


@RULES.rule(
    "lost-proof",
    Severity.ERROR,
    TYPED_QUERIES,
    kind="proof",
    why=(
        "The role or the session may not do what the proofs need, so that every column and "
        "parameter counts as nullable and nothing is held against the generated package."
    ),
    remedy=(
        "Do what the message says, such as `grant temporary on database shop to reader`, or check "
        "with another role, or on the primary server."
    ),
    example=(
        "shop: nothing is proved of 1 query: permission denied to create temporary tables in "
        'database "shop"; grant it with `grant temporary on database shop to reader`'
    ),
)
def lost_proof(queries: Sequence[TypedQuery]) -> Iterator[Observation]:
    """Tell why the role or the session proves nothing, once for all queries."""
    lost = Counter(str(typed.lost) for typed in queries if typed.is_lost_here)
    for reason, number in lost.items():
        which = "1 query" if number == 1 else f"{number} queries"
        yield Observation(f"nothing is proved of {which}: {reason}")


@RULES.rule(
    "unproved-statement",
    Severity.WARNING,
    TYPED_QUERY,
    kind="proof",
    why=(
        "The statement is of a form that cannot be analysed, so that all its columns and "
        "parameters count as nullable; commands without an analysed tree, such as `show` and "
        "`call`, are not meant."
    ),
    remedy=(
        "Do what the message says, or write `-- allow: unproved-statement, reason` in the header."
    ),
    example=(
        "sql/shop/orders/find.sql:4: warning: nothing is proved: a function takes 100 parameters "
        "at most, and this needs more; pass several of them as one array"
    ),
)
def unproved_statement(typed: TypedQuery) -> Iterator[Observation]:
    """Find a statement of which nothing is proved for what it is."""
    for combination, description in typed.described:
        lost = description.lost
        has_anything = bool(description.columns or description.parameters)
        if lost is None or typed.is_lost_here or lost.cause is LossCause.UTILITY:
            continue
        if has_anything:
            message = f"nothing is proved: {lost}{_where(combination.given, typed)}"
            yield Observation.of_query(typed.query, message)
            return


# whose rows a query reaches


@RULES.rule(
    "tenant",
    Severity.ERROR,
    TENANT,
    why=(
        "The settings name the tenant's column, and nothing proves that this query keeps to the "
        "rows of the tenant that it was called for."
    ),
    remedy=(
        "Bind each table to the parameter, as in `orders.tenant_id = :'tenant_id'`; a query that "
        "is meant for all tenants says so in the header: `-- across tenants: why`."
    ),
    example="-- Orders of everybody.\n-- :many\nselect id from orders order by id;\n",
)
def tenant(asked: TenantQuery) -> Iterator[Observation]:
    """Find what lets a query reach another tenant's rows, unless its header says why it may."""
    yield from _crossings(asked, "relation", "write", "function", "unknown")


def _crossings(asked: TenantQuery, *kinds: str) -> Iterator[Observation]:
    """Give the crossings of some kinds, unless the query is meant for all tenants."""
    typed = asked.typed
    if typed.query.across_tenants is not None:
        return
    for crossing, combinations in asked.of_kind(*kinds):
        is_always = len(combinations) == len(typed.described)
        where = "" if is_always else _where(combinations[0], typed)
        yield Observation.of_query(typed.query, f"{crossing.message}{where}")


@RULES.rule(
    "server-state",
    Severity.ERROR,
    TENANT_DETAIL,
    kind="tenant",
    why=(
        "The query calls a function or reads a view of the server, or of an extension, that is "
        "not known to keep to its arguments and its session: settings, files, large objects, "
        "sizes, statistics and the statements of others are there for all tenants."
    ),
    remedy=(
        "Leave it out, or do it in a query of its own that no tenant calls; where it does no "
        "harm, write `-- allow: server-state, reason` in the header."
    ),
    example=(
        "-- Log every statement of this session.\n"
        "-- :one\n"
        "select set_config('log_statement', 'all', false) as setting;\n"
    ),
)
def server_state(asked: TenantQuery) -> Iterator[Observation]:
    """Find what shows or changes what the server has for all tenants."""
    yield from _crossings(asked, "server")


@RULES.rule(
    "telling-error",
    Severity.ERROR,
    TENANT_DETAIL,
    kind="tenant",
    why=(
        "PostgreSQL looks at conditions in the order that it finds cheapest, so a call in one can "
        "run on another tenant's row before the tenant's condition leaves the row out; if it "
        "fails there, the error tells what stands in the row, or that there is one."
    ),
    remedy=(
        "Move the call into the list of a query that binds the table itself, or guard it: `case "
        "when orders.tenant_id = :'tenant_id' then orders.note::integer end`; row-level security "
        "on the table, for the role that runs the query, keeps the row away as well; where no "
        "row can make the call fail, write `-- allow: telling-error, reason` in the header."
    ),
    example=(
        "-- Orders whose note is a large number.\n"
        "-- :many\n"
        "select id from orders\n"
        "where tenant_id = :'tenant_id' and note::integer > 100\n"
        "order by id;\n"
    ),
)
def telling_error(asked: TenantQuery) -> Iterator[Observation]:
    """Find a call that can fail on another tenant's row."""
    yield from _crossings(asked, "error")


@RULES.rule(
    "tenant-default",
    Severity.WARNING,
    TENANT_DETAIL,
    kind="tenant",
    why=(
        "The tenant may be left out of a call: a call that forgets it reads the rows of the "
        "tenant in the default, or runs without the condition."
    ),
    remedy=(
        "Take the default or the optional part out, so that every call has to say the tenant; "
        "where it is meant, write `-- allow: tenant-default, reason` in the header."
    ),
    example=(
        "-- Orders of one tenant.\n"
        "-- :many\n"
        "\\if :{?tenant_id} \\else \\set tenant_id 1 \\endif\n"
        "select id from orders where tenant_id = :'tenant_id' order by id;\n"
    ),
)
def tenant_default(asked: TenantQuery) -> Iterator[Observation]:
    """Find a tenant that a caller may leave out, where nothing else is found because of that."""
    query, tenant_name = asked.typed.query, asked.tenant
    for parameter in query.parameters:
        if parameter.name != tenant_name or query.across_tenants is not None:
            continue
        if parameter.default is not None:
            message = f"{tenant_name} has the default {parameter.default!r}"
        elif parameter.omittable and not any(asked.of_kind("relation", "write", "function")):
            message = f"{tenant_name} stands in an optional part"
        else:
            continue
        message += ", so a call may leave it out; let every call say the tenant"
        yield Observation.of_query(query, message)


@RULES.rule(
    "needless-across-tenants",
    Severity.ERROR,
    TENANT,
    kind="tenant",
    why=(
        "The header says that the query reaches the rows of all tenants, and it does not; left "
        "there, the line would hide the day on which it does."
    ),
    remedy="Take the line `-- across tenants:` out of the header.",
    example=(
        "-- Orders of one tenant.\n"
        "-- across tenants: by habit\n"
        "-- :many\n"
        "select id from orders where tenant_id = :'tenant_id' order by id;\n"
    ),
)
def needless_across_tenants(asked: TenantQuery) -> Iterator[Observation]:
    """Find a way out of the tenant rule that is not needed."""
    query = asked.typed.query
    if query.across_tenants is not None and not asked.crossings:
        message = "it keeps to one tenant; leave the line `-- across tenants:` out"
        yield Observation.of_query(query, message)


@RULES.rule(
    "unknown-tenant-column",
    Severity.ERROR,
    DATABASE,
    kind="tenant",
    why="No table has the column, so that no query would be asked whose rows it reaches.",
    remedy='Name the column as the tables have it, as in `tenant = "tenant_id"`.',
    example="shop: no table has the tenant's column 'tenat_id' that the settings name",
)
def unknown_tenant_column(database: MigratedDatabase) -> Iterator[Observation]:
    """Find a tenant's column that no table has."""
    column = database.system.tenant
    if column is not None and not database.catalog.rows(_HAS_COLUMN, column):
        yield Observation(f"no table has the tenant's column {column!r} that the settings name")


# what a query file says


@RULES.rule(
    "needless-allow",
    Severity.ERROR,
    ALLOWANCES,
    why=(
        "The line `-- allow:` silences nothing: its rule is unknown, cannot be silenced, or finds "
        "nothing in this query; left there, it would hide the day on which it does."
    ),
    remedy="Correct the name of the rule, or take the line out of the header.",
    example=(
        "-- Orders, the oldest first.\n"
        "-- :many\n"
        "-- allow: unordered, nobody minds\n"
        "select id from orders order by id;\n"
    ),
)
def needless_allow(allowed: AllowedQuery) -> Iterator[Observation]:
    """Find the lines `-- allow:` that silence nothing."""
    query = allowed.query
    for allowance in query.allowed:
        if reason := _needless(allowance.rule, allowed.silenced):
            message = f"`-- allow: {allowance.rule}` silences nothing: {reason}"
            yield Observation(message, query.path, allowance.line, query=name_of(query))


def _needless(name: str, silenced: frozenset[str] | None) -> str:
    known = {rule.name: rule for rule in RULES}
    if name not in known:
        silent = [rule.name for rule in RULES if rule.needs.can_be_allowed]
        return f"there is no such rule{nearest(name, silent)}; there are {', '.join(silent)}"
    if not known[name].needs.can_be_allowed:
        return f"no line can silence this rule; dbkit check --explain {name} tells the way out"
    if silenced is not None and name not in silenced:
        return "the rule finds nothing in this query; take the line out"
    return ""


@RULES.rule(
    "query-file",
    Severity.ERROR,
    QUERY_FILES,
    kind="file",
    why=(
        "The file cannot be read as a psql script of one statement with a kind, so that neither "
        "psql nor Python would run what was meant."
    ),
    remedy="The message says for each fault what to write; docs/queries.md has the whole form.",
    example="-- Orders without a kind.\nselect id from orders order by id;\n",
)
def query_file(faults: tuple[DbkitError, ...]) -> Iterator[Observation]:
    """Pass on what keeps a query file from being read."""
    for fault in faults:
        if not isinstance(fault, ClashingQueries):
            yield Observation.of_error(fault)


@RULES.rule(
    "clashing-queries",
    Severity.ERROR,
    QUERY_FILES,
    kind="duplicate",
    why="Two queries of a system would have one name in Python, for the function or for its rows.",
    remedy="Rename one of the two.",
    example=(
        "-- name: list_all :many\n"
        "select id from orders order by id;\n"
        "-- name: list_all :many\n"
        "select note from orders order by id;\n"
    ),
)
def clashing_queries(faults: tuple[DbkitError, ...]) -> Iterator[Observation]:
    """Pass on which queries cannot both have their names."""
    for fault in faults:
        if isinstance(fault, ClashingQueries):
            name = fault.name
            yield Observation(fault.clash(), fault.path, fault.line, query=name)


@RULES.rule(
    "broken-statement",
    Severity.ERROR,
    REFUSED_QUERY,
    kind="statement",
    why="PostgreSQL refuses to prepare the statement, in at least one combination of its parts.",
    remedy=(
        "Correct the statement at the place that is shown; where it names a table or column that "
        "is to come, write the migration first."
    ),
    example="-- Orders.\n-- :many\nselect missing from orders order by id;\n",
)
def broken_statement(refused: RefusedQuery) -> Iterator[Observation]:
    """Pass on what PostgreSQL refuses."""
    for fault in refused.faults:
        if isinstance(fault, DoesNotPrepare):
            yield Observation.of_error(fault, refused.query)


@RULES.rule(
    "untypable-query",
    Severity.ERROR,
    REFUSED_QUERY,
    kind="query",
    why=(
        "PostgreSQL accepts the statement, but no typed function can be made of it: a column has "
        "no name for Python, a part changes the columns, or the kind, a default or a header line "
        "does not fit."
    ),
    remedy="The message says for each fault what to write, such as `as some_name`.",
    example="-- The sum of two numbers.\n-- :one\nselect 1 + 1, 2 as two;\n",
)
def untypable_query(refused: RefusedQuery) -> Iterator[Observation]:
    """Pass on what keeps a query from becoming a typed function."""
    for fault in refused.faults:
        if not isinstance(fault, DoesNotPrepare):
            yield Observation.of_error(fault, refused.query)


@RULES.rule(
    "different-rows",
    Severity.ERROR,
    TYPED_QUERIES,
    kind="query",
    why=(
        "Two queries share a row class by `-- row:`, and their columns differ in names, types or "
        "nullability, so that one class cannot hold the rows of both."
    ),
    remedy="Make the columns agree, or name another class in one of the headers.",
    example=(
        "-- name: list_all :many\n"
        "-- row: Order\n"
        "select id, note from orders order by id;\n"
        "-- name: find :optional\n"
        "-- row: Order\n"
        "select id, customer from orders where id = :'id';\n"
    ),
)
def different_rows(queries: Sequence[TypedQuery]) -> Iterator[Observation]:
    """Find the queries that name one row class and have other columns."""
    return map(Observation.of_error, find_different_rows(queries))


# the role of the application


RULES.add(ROLE_RULES)


# the migrations and the database


@RULES.rule(
    "pending",
    Severity.ERROR,
    MIGRATIONS,
    why="The database is not up to date, so that the types it gives would not last.",
    remedy="Run `dbkit migrate`.",
    example="migrations/shop/0002_more.sql: 0002_more is pending; run dbkit migrate shop",
)
def pending(state: MigrationState) -> Iterator[Observation]:
    """Find the files that are to be applied, as one finding."""
    status = state.status
    waiting = [(file.name, file.shown) for file in status.pending]
    waiting += [(file.path.stem, file.shown) for file in status.pending_objects]
    # of a database that is not ours at all everything is pending, and another finding says why
    if waiting and (status.applied or not state.troubles):
        (name, path), *others = waiting
        number = f" and {len(others)} more are" if others else " is"
        message = f"{name}{number} pending; run dbkit migrate {status.name}"
        yield Observation(message, path)


@RULES.rule(
    "gone",
    Severity.WARNING,
    MIGRATIONS,
    why="The file that made a view, function, trigger or policy is gone, and the object is not.",
    remedy="Run `dbkit migrate SYSTEM --drop-gone`, or bring the file back.",
    example=(
        "shop: warning: view public.cheap was made by cheap.sql, which is gone; "
        "drop it with: dbkit migrate shop --drop-gone"
    ),
)
def gone(state: MigrationState) -> Iterator[Observation]:
    """Find the objects whose file is gone."""
    for made in state.status.gone_objects:
        yield Observation(what_is_gone(made, f"dbkit migrate {state.status.name}"))


@RULES.rule(
    "migration-file",
    Severity.ERROR,
    MIGRATIONS,
    kind="file",
    why="A file in the folder of migrations or objects cannot be read as one, or cannot run.",
    remedy="The message says for each fault what to write; docs/migrations.md has the rules.",
    example=(
        "migrations/shop/first.sql: a migration is named NNNN_name.sql, such as 0007_add_index.sql"
    ),
)
def migration_file(state: MigrationState) -> Iterator[Observation]:
    """Pass on what is wrong with the files of migrations and objects."""
    return state.of_kind("file")


@RULES.rule(
    "duplicate-number",
    Severity.ERROR,
    MIGRATIONS,
    kind="duplicate",
    why="Two migrations have one number, and the number alone is their order.",
    remedy="Give the one that is not applied anywhere the next free number: `dbkit renumber`.",
    example=(
        "migrations/shop/0001_users.sql: number 1 is taken by "
        "migrations/shop/0001_orders.sql; give the one that has not been applied anywhere the "
        "next free number with: dbkit renumber shop"
    ),
)
def duplicate_number(state: MigrationState) -> Iterator[Observation]:
    """Pass on which migrations have one number."""
    return state.of_kind("duplicate")


@RULES.rule(
    "gap",
    Severity.ERROR,
    MIGRATIONS,
    why="A migration is missing between two others, in the folder or in the database's ledger.",
    remedy=(
        "Bring the missing file back, or close the gap with `dbkit renumber` if it never existed; "
        "run one that comes late with `dbkit migrate --out-of-order`."
    ),
    example=(
        "migrations/shop/0003_more.sql: number 2 is expected here; "
        "bring the missing file back, or close the gap, if it never existed, with: dbkit renumber "
        "shop"
    ),
)
def gap(state: MigrationState) -> Iterator[Observation]:
    """Pass on which numbers are missing."""
    return state.of_kind("gap")


@RULES.rule(
    "edited-migration",
    Severity.ERROR,
    MIGRATIONS,
    kind="edited",
    why="A migration was edited after it ran, so that two databases may differ unnoticed.",
    remedy=(
        "Put its text back and make the change a new migration; where this database is right as "
        "it is, accept the edit with `dbkit repair`."
    ),
    example=(
        "shop: migrations/shop/0001_orders.sql was edited after it ran (2026-01-31 12:00); put its "
        "text back and make the change a new migration, or accept it with: dbkit repair shop 1 "
        '--because "WHY"; a database for development can be made as the files are: dbkit migrate '
        "shop --follow --plan"
    ),
)
def edited_migration(state: MigrationState) -> Iterator[Observation]:
    """Pass on which migrations were edited after they ran."""
    return state.of_kind("edited")


@RULES.rule(
    "missing-migration",
    Severity.ERROR,
    MIGRATIONS,
    kind="missing",
    why="The database has a migration that no file has, so that no other database can get it.",
    remedy="Bring the file back; it may be on another branch.",
    example=(
        "shop: migration 0001_orders was applied to this database, but its file is gone; bring the "
        "file back (it may be on another branch); what it did is shown by: dbkit status shop "
        "--show 1, and what would be undone without it by: dbkit rollback shop --to 0 --plan"
    ),
)
def missing_migration(state: MigrationState) -> Iterator[Observation]:
    """Pass on which applied migrations have no file."""
    return state.of_kind("missing")


@RULES.rule(
    "renamed-migration",
    Severity.ERROR,
    MIGRATIONS,
    kind="renamed",
    why="The database has this number under another name: it may be another migration.",
    remedy="Rename the file back, or accept the new name with `dbkit repair`.",
    example=(
        "migrations/shop/0001_bookings.sql: number 1 was applied as 0001_orders; rename it "
        'back, or accept the new name with: dbkit repair shop 1 --because "WHY"'
    ),
)
def renamed_migration(state: MigrationState) -> Iterator[Observation]:
    """Pass on which migrations were applied under another name."""
    return state.of_kind("renamed")


@RULES.rule(
    "unfinished-migration",
    Severity.ERROR,
    MIGRATIONS,
    kind="unfinished",
    why=(
        "A statement outside a transaction was under way when its run ended, and the database "
        "cannot tell how much of it is done."
    ),
    remedy="Look what is there, then answer with the `dbkit resume` that the message names.",
    example=(
        "migrations/shop/0002_fill.sql: apply of 0002_fill stopped in statement 1 of 2 (division "
        "by zero), and the database cannot tell how much of it is done: call fill(); look what is "
        "there, then say dbkit resume shop --done to go on with statement 2, or dbkit resume shop "
        "--again to run statement 1 again"
    ),
)
def unfinished_migration(state: MigrationState) -> Iterator[Observation]:
    """Pass on which migration stopped halfway."""
    return state.of_kind("unfinished")


@RULES.rule(
    "row-by-hand",
    Severity.ERROR,
    MIGRATIONS,
    kind="by hand",
    why="A person wrote a row into the ledger, so nothing says whether its migration ran.",
    remedy="Find out whether it ran, then do what the message says for that case.",
    example=(
        "shop: row 2 of public.schema_version was written by hand, so "
        "nothing says whether migrations/shop/0002_note.sql ran; if it did not, delete the row: "
        "delete from public.schema_version where version = 2; if it did, accept the row with: "
        'dbkit repair shop 2 --because "WHY"'
    ),
)
def row_by_hand(state: MigrationState) -> Iterator[Observation]:
    """Pass on which rows of the ledger a person wrote."""
    return state.of_kind("by hand")


@RULES.rule(
    "foreign-database",
    Severity.ERROR,
    MIGRATIONS,
    kind="foreign",
    why="Another tool made the tables or their ledger, and dbkit does not know what is in there.",
    remedy=(
        "Correct the URL; where the database is the right one, `dbkit adopt` finds where it stands."
    ),
    example=(
        "shop: database 'shop' holds 1 table or view but no ledger; find out which version that "
        "is, and record it, with: dbkit adopt shop"
    ),
)
def foreign_database(state: MigrationState) -> Iterator[Observation]:
    """Pass on what another tool did to the database."""
    return state.of_kind("foreign")


@RULES.rule(
    "no-schema",
    Severity.ERROR,
    MIGRATIONS,
    kind="schema",
    why="The search path names no schema that exists, so a migration can make nothing.",
    remedy="Create one of the schemas that `show search_path` lists, or set another search path.",
    example=(
        "shop: the search path names no schema that exists in database 'shop', so no table can be "
        "made there; create one of the schemas that `show search_path` lists, or set another "
        "search path"
    ),
)
def no_schema(state: MigrationState) -> Iterator[Observation]:
    """Pass on that there is no schema to work in."""
    return state.of_kind("schema")


@RULES.rule(
    "unreachable",
    Severity.ERROR,
    MIGRATIONS,
    why="The database could not be reached, or stopped answering, so that not all was asked.",
    remedy="Correct the URL or start the server; where a lock is named, wait for its holder.",
    example=(
        "shop: cannot connect to postgresql://nobody@localhost:1/nothing "
        "(from $SHOP_DATABASE_URL): Connection refused"
    ),
)
def unreachable(state: MigrationState) -> Iterator[Observation]:
    """Pass on why the database could not be asked."""
    return state.of_kind("unreachable")


# the generated package


@RULES.rule(
    "stale-package",
    Severity.ERROR,
    PACKAGE,
    kind="generated",
    why="The generated package is not what the query files would make it.",
    remedy="Run `dbkit generate`.",
    example=(
        "shop/queries: not current: shop/orders/list_all.sql was changed; run dbkit generate shop"
    ),
)
def stale_package(package: PackageState) -> Iterator[Observation]:
    """Pass on what `dbkit generate --check` says."""
    yield from package.stale


@RULES.rule(
    "drift",
    Severity.ERROR,
    PACKAGE,
    why=(
        "The files are as they were, and the database gives other types than the generated "
        "package was made for."
    ),
    remedy="Run `dbkit generate`, or bring the database back to what its migrations make it.",
    example=(
        "shop/queries/orders.py: column note is text now, and was text not null when this was "
        "generated; run dbkit generate shop"
    ),
)
def drift(package: PackageState) -> Iterator[Observation]:
    """Pass on where the package differs from what would be generated now."""
    yield from package.drifted


@RULES.rule(
    "unusable-package",
    Severity.ERROR,
    PACKAGE,
    kind="generated",
    why="The package that the settings name cannot be written, or not to that place.",
    remedy='Name a package of Python\'s in the settings, as in `package = "shop.queries"`.',
    example=(
        "shop: shop cannot be generated to 'shop-queries', which is no dotted name of a package; "
        'name one as in package = "shop.queries"'
    ),
)
def unusable_package(package: PackageState) -> Iterator[Observation]:
    """Pass on what keeps the package from being compared."""
    yield from package.refused


def _where(given: frozenset[str], typed: TypedQuery) -> str:
    """Name the combination that something is true of, where there are several."""
    if len(typed.described) == 1:
        return ""
    return f" (with {' and '.join(sorted(given))})" if given else " (with no optional part)"
