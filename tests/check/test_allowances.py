"""A header line silences a rule for one query, and a line that silences nothing is a finding."""

from contextlib import nullcontext

import pytest

from dbkit.check import check_system
from tests.check.conftest import Shop

_TENANTS = '[tool.dbkit.systems.shop]\ntenant = "tenant_id"\n'


def test_a_rule_is_silenced_for_one_query_alone(shop: Shop) -> None:
    line = "-- allow: unordered, the caller sorts\n"
    shop.query("orders/list_all", f"-- :many\n{line}select id from orders;\n")
    shop.query("orders/others", "-- :many\nselect id from orders;\n")

    report = shop.check()

    assert [finding.query for finding in report.found] == ["orders.others"]


def test_each_query_of_a_file_has_its_own_line(shop: Shop) -> None:
    shop.query(
        "orders",
        "-- name: first :many\n-- allow: unordered, the caller sorts\nselect id from orders;\n"
        "-- name: second :many\nselect id from orders;\n",
    )

    assert [finding.query for finding in shop.check().found] == ["orders.second"]


def test_two_rules_are_silenced_by_two_lines(shop: Shop) -> None:
    shop.query(
        "orders/find",
        "-- :one\n-- allow: uncertain, a trigger keeps it to one\n"
        "select id from orders where note = :'note';\n",
    )

    assert shop.check().found == []


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (
            "unorderd",
            (
                "there is no such rule; did you mean 'unordered'; there are unordered, "
                "uncertain, unproved-statement, server-state, telling-error, "
                "tenant-default, missing-right"
            ),
        ),
        (
            "tenant",
            "no line can silence this rule; dbkit check --explain tenant tells the way out",
        ),
        ("uncertain", "the rule finds nothing in this query; take the line out"),
    ],
)
def test_a_line_that_silences_nothing_is_found_with_the_reason(
    shop: Shop, rule: str, reason: str
) -> None:
    shop.query(
        "orders/list_all",
        f"-- Orders.\n-- :many\n-- allow: {rule}, by habit\nselect id from orders order by id;\n",
    )

    finding = shop.only()

    assert (finding.rule, finding.kind, finding.query) == (
        "needless-allow",
        "needless-allow",
        "orders.list_all",
    )
    assert finding.place == "sql/shop/orders/list_all.sql:3:"
    assert finding.message == f"`-- allow: {rule}` silences nothing: {reason}"


def test_a_statement_that_does_not_prepare_cannot_be_silenced(shop: Shop) -> None:
    shop.query(
        "orders/list_all",
        "-- :many\n-- allow: broken-statement, it will be right one day\n"
        "select nota from orders order by id;\n",
    )

    assert [finding.rule for finding in shop.check().findings] == [
        "needless-allow",
        "broken-statement",
    ]


def test_where_a_query_is_not_typed_nobody_knows_what_a_line_silences(shop: Shop) -> None:
    shop.query(
        "orders/list_all",
        "-- :many\n-- allow: unordered, the caller sorts\nselect nota from orders;\n",
    )
    shop.query(
        "orders/others",
        "-- :many\n-- allow: unorderd, a typo\nselect id from orders order by id;\n",
    )

    asked = [finding.rule for finding in shop.check().found]
    unasked = check_system(shop.system, shop.project.root, nullcontext(None)).found

    assert asked == ["broken-statement", "needless-allow"]
    assert [finding.rule for finding in unasked] == ["pending", "needless-allow"]


def test_the_tenant_rule_has_its_own_line(shop: Shop) -> None:
    shop.connection.execute("alter table orders add tenant_id integer not null")
    (shop.project.root / "pyproject.toml").write_text(_TENANTS)
    shop.query(
        "orders/list_all",
        "-- :many\n-- allow: tenant, the operator reads\nselect id from orders order by id;\n",
    )
    shop.query(
        "orders/others",
        "-- :many\n-- across tenants: the operator reads\nselect id from orders order by id;\n",
    )

    assert [(finding.rule, finding.query) for finding in shop.check().findings] == [
        ("needless-allow", "orders.list_all"),
        ("tenant", "orders.list_all"),
    ]
