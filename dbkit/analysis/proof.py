"""Prove of an expression that it is never null, or say what the doubt is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dbkit.analysis import aggregates, columns, expressions
from dbkit.analysis.facts import NOTHING, Facts, Key, key_of, truths
from dbkit.analysis.nodes import Node
from dbkit.analysis.scope import Scope

_RULES: Mapping[str, Callable[["Proof", Node], str]] = {
    "VAR": columns.column_doubt,
    "AGGREF": aggregates.aggregate_doubt,
    "WINDOWFUNC": aggregates.window_doubt,
    **expressions.RULES,
}


@dataclass(frozen=True, slots=True)
class Proof:
    """A place in a query to look from: what is known there, and whether groups are formed.

    A doubt is a reason in words; an empty one is none, and the expression is proven.
    """

    scope: Scope
    grouped: bool
    known: Facts

    @classmethod
    def rows_of(cls, scope: Scope) -> "Proof":
        """Look at the rows as they come from the relations, before any group is formed."""
        return cls(scope, grouped=False, known=scope.facts)

    @classmethod
    def results_of(cls, scope: Scope) -> "Proof":
        """Look at the rows as they come back."""
        facts = NOTHING if scope.grouping_sets else scope.facts
        having = truths(scope.query.child("havingQual"), scope)
        return cls(scope, grouped=True, known=facts | having)

    def given(self, facts: Facts) -> "Proof":
        """Look at those rows only in which these have a value."""
        return Proof(self.scope, self.grouped, self.known | facts)

    def knows(self, expression: Node) -> bool:
        """Say whether a condition has settled it."""
        return bool(self.known) and key_of(expression, self.scope) in self.known

    def doubt(self, expression: Node | None) -> str:
        """Return why an expression may be null, or nothing where it cannot."""
        if expression is None:
            return "there is no value"
        if self.grouped and self.scope.grouping_sets and self._is_key(expression):
            return "grouping sets leave the key out"
        if self.knows(expression) and expression.kind != "VAR":
            return ""
        rule = _RULES.get(expression.kind)
        if rule is None:
            return f"nothing is known of such an expression ({expression.kind.lower()})"
        return rule(self, expression)

    def doubt_of_any(self, expressions: Iterable[Node]) -> str:
        """Return the first doubt: every one of them is needed."""
        for one in expressions:
            doubt = self.doubt(one)
            if doubt:
                return doubt
        return ""

    def doubt_of_all(self, expressions: Iterable[Node]) -> str:
        """Return the last doubt, unless one of them is certain: one is enough."""
        doubt = "there is no value"
        for one in expressions:
            doubt = self.doubt(one)
            if not doubt:
                return ""
        return doubt

    def output(self, scope: Scope, attribute: int) -> str:
        """Return why a column of another query's result may be null."""
        return columns.output_doubt(self, scope, attribute)

    def _is_key(self, expression: Node) -> bool:
        return key_of(expression, self.scope) in _keys(self.scope)


def _keys(scope: Scope) -> set[Key]:
    references = {one.number("tleSortGroupRef") for one in scope.query.children("groupClause")}
    return {
        key_of(target.child("expr"), scope)
        for target in scope.query.children("targetList")
        if target.number("ressortgroupref") in references
    }
