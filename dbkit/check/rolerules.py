"""The rules about the role that the application runs as: what binds it, and what it may do."""

from collections.abc import Iterator

from dbkit.check.finding import Observation
from dbkit.check.needs import ROLE, ROLE_QUERY, RoleQuery
from dbkit.check.registry import Registry, Severity
from dbkit.check.rolerights import ApplicationRole

ROLE_RULES = Registry()

_SHOWN = 3


@ROLE_RULES.rule(
    "unknown-role",
    Severity.ERROR,
    ROLE,
    kind="role",
    why="The settings name a role for the application that the server does not have.",
    remedy="Correct the name, or make the role in a migration.",
    example=(
        "shop: the settings name the role shop_ap, which the server does not have; correct the "
        "name, or make the role in a migration"
    ),
)
def unknown_role(role: ApplicationRole) -> Iterator[Observation]:
    """Find that the role of the settings is not there."""
    if not role.exists:
        yield Observation(
            f"the settings name the role {role.name}, which the server does not have; correct the "
            "name, or make the role in a migration"
        )


@ROLE_RULES.rule(
    "policies-not-in-force",
    Severity.WARNING,
    ROLE,
    kind="role",
    why=(
        "A superuser, a role with bypassrls and the owner of a table see every row, whatever the "
        "policies of row-level security say."
    ),
    remedy=(
        "Give the application a role that owns nothing, name it in the settings as `role`, and "
        'open the database with it: `open_database(url, role="shop_app")`; for the owner as well, '
        "`alter table … force row level security`."
    ),
    example=(
        "shop: warning: postgres is a superuser, so the policies of orders do not bind it; "
        'name the role of the application in the settings, as in role = "shop_app"'
    ),
)
def policies_not_in_force(role: ApplicationRole) -> Iterator[Observation]:
    """Find the tables whose policies the role in use passes by."""
    if not role.unbound:
        return
    tables = ", ".join(role.unbound[:_SHOWN])
    if others := len(role.unbound) - _SHOWN:
        tables += f" and {others} more" if others > 0 else ""
    why = role.above or "has the rights of their owner"
    remedy = "give the application a role that has none of these rights"
    if not role.is_set:
        remedy = 'name the role of the application in the settings, as in role = "shop_app"'
    yield Observation(f"{role.name} {why}, so the policies of {tables} do not bind it; {remedy}")


@ROLE_RULES.rule(
    "missing-right",
    Severity.ERROR,
    ROLE_QUERY,
    kind="role",
    why="The role that the settings name for the application may not run the query.",
    remedy=(
        "Grant what is missing, in a file of rights in `_objects`; where the query is run by "
        "another role, write `-- allow: missing-right, reason` in the header."
    ),
    example="-- Orders.\n-- :many\nselect id from orders order by id;\n",
)
def missing_right(query: RoleQuery) -> Iterator[Observation]:
    """Find what a query needs that the role may not do."""
    if query.lacking:
        lacking = ", ".join(query.lacking)
        message = f"the application's role {query.role} lacks {lacking}"
        yield Observation.of_query(query.typed.query, message)
