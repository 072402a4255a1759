"""Where the settings name the tenant's column, every query is held to it."""

import pytest

from tests.check.conftest import Shop

_NOTES = """-- Notes, and whose they are.
create table notes (id integer primary key, tenant_id integer not null, text text not null);
"""
_SETTINGS = '[tool.dbkit.systems.shop]\ntenant = "tenant_id"\n'
_ALL = "select id, text from notes order by id;\n"


@pytest.fixture
def shared(shop: Shop) -> Shop:
    """The shop with a table of tenants."""
    shop.project.migration("0002_notes", _NOTES)
    shop.project.runner(shop.connection).migrate()
    (shop.project.root / "pyproject.toml").write_text(_SETTINGS)
    return shop


def test_a_query_of_all_tenants_is_found(shared: Shop) -> None:
    shared.query("notes/list_all", f"-- :many\n{_ALL}")

    finding = shared.only()

    assert (finding.kind, finding.place, finding.query) == (
        "tenant",
        "sql/shop/notes/list_all.sql:2:",
        "notes.list_all",
    )
    assert finding.message.startswith("notes is not bound to a tenant")


def test_a_combination_that_leaves_the_tenant_out_is_found(shared: Shop) -> None:
    shared.query(
        "notes/list_all",
        "-- :many\nselect id from notes where true\n"
        "\\if :{?text}\nand text = :'text'\n\\endif\n"
        "\\if :{?tenant_id}\nand tenant_id = :'tenant_id'\n\\endif\n;\n",
    )

    assert shared.only().message == (
        "notes is not bound to a tenant; say `notes.tenant_id = :'tenant_id'` "
        "where it has to hold (with no optional part)"
    )


def test_three_parts_of_seven_that_leave_the_tenant_out_together_are_found(shared: Shop) -> None:
    own = "tenant_id = :'tenant_id'"
    without_one = "\\if :{?a}\n\\if :{?b}\n\\if :{?c}\nor true\n\\endif\n\\endif\n\\endif\n"
    others = "".join(f"\\if :{{?{name}}}\nand true\n\\endif\n" for name in "defg")
    shared.query(
        "notes/list_all",
        f"-- :many\nselect id from notes where {own}\n{without_one}{others}order by id;\n",
    )

    assert shared.only().message == (
        "notes is not bound to a tenant; say `notes.tenant_id = :'tenant_id'` "
        "where it has to hold (with a and b and c)"
    )


def test_a_query_of_one_tenant_and_one_of_nobody_s_table_are_right(shared: Shop) -> None:
    shared.query(
        "notes/list_all",
        "-- :many\nselect id from notes where tenant_id = :'tenant_id' order by id;\n",
    )
    shared.query("orders/list_all", "-- :many\nselect id from orders order by id;\n")

    assert shared.check().found == []


def test_a_header_line_with_its_reason_is_the_only_way_out(shared: Shop) -> None:
    shared.query("notes/count", f"-- across tenants: the operator counts\n-- :many\n{_ALL}")
    shared.query("notes/list_all", f"-- across tenants:\n-- :many\n{_ALL}")

    finding = shared.only()

    assert finding.place == "sql/shop/notes/list_all.sql:1:1:"
    assert finding.message == (
        "`-- across tenants:` gives no reason; write `-- across tenants: why`"
    )


def test_a_way_out_that_is_not_needed_is_found(shared: Shop) -> None:
    shared.query(
        "orders/list_all", "-- across tenants: by habit\n-- :many\nselect id from orders;\n"
    )

    finding = shared.only()

    assert (finding.kind, finding.query) == ("tenant", "orders.list_all")
    assert finding.message == "it keeps to one tenant; leave the line `-- across tenants:` out"


def test_what_the_server_has_for_all_is_found_unless_the_header_allows_it(shared: Shop) -> None:
    setting = "select set_config('app.tenant_id', :'tenant_id', true) as tenant_id;\n"
    shared.query("notes/limit", f"-- :one\n{setting}")
    shared.query(
        "notes/limit_again", f"-- allow: server-state, the policies read it\n-- :one\n{setting}"
    )
    shared.query("notes/limit_all", f"-- across tenants: the operator asks\n-- :one\n{setting}")

    finding = shared.only()

    assert (finding.rule, finding.kind, finding.query) == ("server-state", "tenant", "notes.limit")
    assert finding.message == (
        "set_config() reads or changes what the server has for all tenants; leave it out, or "
        "write `-- allow: server-state, reason` in the header"
    )


def test_an_allowance_that_silences_nothing_about_tenants_is_found(shared: Shop) -> None:
    shared.query("notes/now", "-- allow: server-state, habit\n-- :one\nselect now() as now;\n")

    assert shared.only().rule == "needless-allow"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            (
                "\\if :{?tenant_id} \\else \\set tenant_id 1 \\endif\n"
                "select id from notes where tenant_id = :'tenant_id' order by id;\n"
            ),
            "has the default '1'",
        ),
        (
            (
                "select id from orders where true\n"
                "\\if :{?tenant_id}\nand id = :'tenant_id'\n\\endif\norder by id;\n"
            ),
            "stands in an optional part",
        ),
    ],
)
def test_a_tenant_that_a_call_may_leave_out_is_a_warning(
    body: str, reason: str, shared: Shop
) -> None:
    shared.query("notes/list_all", f"-- :many\n{body}")
    shared.query("notes/list_meant", f"-- :many\n-- allow: tenant-default, a demo\n{body}")

    [finding] = shared.check().found

    assert (finding.rule, finding.is_warning) == ("tenant-default", True)
    assert finding.message == (
        f"tenant_id {reason}, so a call may leave it out; let every call say the tenant"
    )


def test_where_no_column_is_named_nothing_is_asked(shared: Shop) -> None:
    (shared.project.root / "pyproject.toml").write_text("[tool.dbkit.systems.shop]\n")
    shared.query("notes/list_all", f"-- :many\n{_ALL}")

    assert shared.check().found == []


def test_a_column_that_no_table_has_is_found(shared: Shop) -> None:
    (shared.project.root / "pyproject.toml").write_text(_SETTINGS.replace("tenant_id", "tenat_id"))

    assert shared.only().message == (
        "no table has the tenant's column 'tenat_id' that the settings name"
    )
