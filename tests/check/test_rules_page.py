"""The page of the documentation is what the registry says."""

from dbkit.check import RULES
from tests.check.rulespage import page
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "rules.md"


def test_the_page_is_what_make_docs_would_write() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_each_rule_has_its_section_and_its_row() -> None:
    text = PAGE.read_text(encoding="utf-8")

    for rule in RULES:
        assert text.count(f"\n## {rule.name}\n") == 1
        assert f"| [{rule.name}](#{rule.name}) | {rule.severity} |" in text
        assert rule.why in text
        assert rule.remedy in text
        assert rule.example in text
