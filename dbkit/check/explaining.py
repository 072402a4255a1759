"""Explain a rule to a person at a terminal."""

from textwrap import fill, indent
from typing import Any

from dbkit.check.registry import Rule

# of a terminal, as click takes it
_WIDTH = 80


def explain(rule: Rule[Any]) -> str:
    """Say what a rule finds, why, and how the finding goes away."""
    return (
        f"{rule.name} ({rule.severity})\n"
        f"\n{_wrapped(rule.why)}"
        f"\n{_wrapped(f'The way out: {rule.remedy}')}"
        f"\n{_wrapped(f'Needs: {rule.needs.words}.')}"
        f"\nFor example:\n{indent(rule.shown_example, '    ')}"
    )


def _wrapped(sentences: str) -> str:
    return fill(sentences, _WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"
