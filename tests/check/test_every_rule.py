"""Every rule of the registry finds its own example, and every sort of error has a rule."""

import re
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from dbkit.check import RULES, Rule
from dbkit.check.needs import ROLE_QUERY, TENANT, TENANT_DETAIL
from dbkit.check.registry import Registry, Severity
from dbkit.errors import MigrationError
from tests.check import arranging
from tests.check.conftest import Shop

ABOUT_A_QUERY = [rule for rule in RULES if rule.example.startswith("--")]
ABOUT_A_SYSTEM = [rule for rule in RULES if not rule.example.startswith("--")]


@pytest.mark.parametrize("rule", ABOUT_A_QUERY, ids=lambda rule: rule.name)
def test_the_query_file_of_an_example_is_found_and_by_no_other_rule(
    rule: Rule[Any], shop: Shop
) -> None:
    if rule.needs in (TENANT, TENANT_DETAIL):
        arranging.with_tenants(shop)
    if rule.needs is ROLE_QUERY:
        arranging.with_role(shop)
    shop.query("orders/example", rule.example)

    found = shop.check().found

    assert {finding.rule for finding in found} == {rule.name}
    assert {(finding.kind, finding.is_warning) for finding in found} == {
        (rule.kind, rule.severity is Severity.WARNING)
    }


@pytest.mark.parametrize("rule", ABOUT_A_SYSTEM, ids=lambda rule: rule.name)
def test_an_example_of_the_output_is_what_is_printed(rule: Rule[Any], shop: Shop) -> None:
    # a rule without a function that makes it fire stops here
    getattr(arranging, rule.name.replace("-", "_"))(shop)

    ran = shop.project.dbkit("check")

    database = conninfo_to_dict(shop.project.url)["dbname"]
    printed = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-01-31 12:00", ran.stdout)
    assert (
        f"{rule.example} [{rule.name}]"
        in re.sub(rf"(database ['\"]?){database}\b", r"\1shop", printed).splitlines()
    )
    assert ran.returncode == int(rule.severity is Severity.ERROR)


def test_every_kind_of_migration_error_has_a_rule() -> None:
    kinds = {getattr(error, "kind", "file") for error in _leaves(MigrationError)}

    # a rollback is asked for by hand, never by the check, which waits for no lock, may read behind
    # any pooler and makes no object anew
    assert kinds - {"rollback", "locked", "pooler", "object"} <= {rule.kind for rule in RULES}


def test_two_rules_of_one_name_are_refused() -> None:
    registry = Registry()
    words = {"why": "", "remedy": "", "example": ""}
    registry.rule("twice", Severity.ERROR, TENANT, **words)(lambda _: ())

    with pytest.raises(ValueError, match="two rules are called 'twice'"):
        registry.rule("twice", Severity.ERROR, TENANT, **words)(lambda _: ())


@pytest.mark.parametrize("rule", list(RULES), ids=lambda rule: rule.name)
def test_a_rule_has_a_name_and_its_sentences(rule: Rule[Any]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert re.fullmatch(r"[^.]+\.", rule.why)
    assert rule.remedy.endswith(".")


def _leaves(error: type[MigrationError]) -> list[type[MigrationError]]:
    return [error, *(leaf for kind in error.__subclasses__() for leaf in _leaves(kind))]
