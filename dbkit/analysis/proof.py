"""What a proof that an expression is never null knows of the rows that it is about."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from dbkit.analysis.nodes import Node
from dbkit.analysis.scope import NO_FACTS, Facts, Key, Scope, facts_if_true, key_of
from dbkit.analysis.vocabulary import SetOperation


@dataclass(frozen=True, slots=True)
class Proof:
    """The doubts about the expressions of a query.

    A doubt is the reason, in words, why an expression may be null. An empty doubt is none: the
    expression is proven.
    """

    scope: Scope
    # whether expressions are evaluated after `group by`
    grouped: bool
    # what is true of every row in which expressions are evaluated
    facts: Facts

    @classmethod
    def rows_of(cls, scope: Scope) -> "Proof":
        """Return the proof for the rows of the relations, before groups are formed."""
        return cls(scope, grouped=False, facts=scope.facts)

    @classmethod
    def results_of(cls, scope: Scope) -> "Proof":
        """Return the proof for the rows of the result."""
        facts = NO_FACTS if scope.grouping_sets else scope.facts
        having = facts_if_true(scope.query.child("havingQual"), scope)
        return cls(scope, grouped=True, facts=facts | having)

    def with_facts(self, facts: Facts) -> "Proof":
        """Return the proof for those rows only of which more facts are true."""
        return Proof(self.scope.with_facts(facts), self.grouped, self.facts | facts)

    def knows(self, expression: Node) -> bool:
        """Say whether a fact proves that an expression has a value."""
        return bool(self.facts) and key_of(expression, self.scope) in self.facts

    def doubt(self, expression: Node | None) -> str:
        """Return why an expression may be null, "" if it is never null."""
        if expression is None:
            return "there is no value"
        if self.grouped and self.scope.grouping_sets:
            key = key_of(expression, self.scope)
            if key in _group_keys(self.scope, common=False):
                return "grouping sets leave the key out"
            if key in _group_keys(self.scope, common=True):
                return Proof.rows_of(self.scope).doubt(expression)
        if self.knows(expression) and expression.kind != "VAR":
            return ""
        rule = RULES.get(expression.kind)
        if rule is None:
            return f"nothing is known of such an expression ({expression.kind.lower()})"
        return rule(self, expression)

    def doubt_unless_all(self, expressions: Iterable[Node]) -> str:
        """Return the first doubt about any of the expressions."""
        for expression in expressions:
            doubt = self.doubt(expression)
            if doubt:
                return doubt
        return ""

    def doubt_unless_any(self, expressions: Iterable[Node]) -> str:
        """Return the last doubt, but none if any of the expressions is never null."""
        doubt = "there is no value"
        for expression in expressions:
            doubt = self.doubt(expression)
            if not doubt:
                return ""
        return doubt

    def output_doubt(self, scope: Scope, attribute: int) -> str:
        """Return why a column of the result of another query may be null."""
        if attribute not in scope.output_doubts:
            scope.output_doubts[attribute] = _output_doubt(self, scope, attribute)
        return scope.output_doubts[attribute]


def _group_keys(scope: Scope, *, common: bool) -> set[Key]:
    """Return the keys of `group by` that stand in every grouping set, or those that do not."""
    references = {key.number("tleSortGroupRef") for key in scope.query.children("groupClause")}
    wanted = references & scope.common_keys if common else references - scope.common_keys
    return {
        key_of(target.child("expr"), scope)
        for target in scope.query.children("targetList")
        if target.number("ressortgroupref") in wanted
    }


def _output_doubt(proof: Proof, scope: Scope, attribute: int) -> str:
    targets = scope.targets
    if attribute > len(targets):
        return "nothing is known of a column that search or cycle adds"
    operation = scope.query.child("setOperations")
    if operation is not None:
        return _arms_doubt(proof.results_of(scope), operation, attribute)
    return proof.results_of(scope).doubt(targets[attribute - 1].child("expr"))


def _arms_doubt(proof: Proof, operation: Node, attribute: int) -> str:
    if operation.kind == "RANGETBLREF":
        return source_doubt(proof, operation.number("rtindex"), attribute)
    left = _arms_doubt(proof, operation.needed("larg"), attribute)
    if not left and operation.number("op") != SetOperation.UNION:
        return ""
    right = _arms_doubt(proof, operation.needed("rarg"), attribute)
    match operation.number("op"):
        case SetOperation.UNION:
            return left or right
        case SetOperation.INTERSECT:
            return left if right else ""
        case _:
            return left


def source_doubt(proof: Proof, number: int, attribute: int) -> str:
    """Return why a column of a relation may be null that is a query, a `with` query or a view."""
    source = proof.scope.source(number)
    if source is None:
        return f"nothing is known of {proof.scope.name(number)}"
    return proof.output_doubt(source, attribute)


Rule: TypeAlias = Callable[[Proof, Node], str]
# by the kind of an expression, why one may be null
RULES: dict[str, Rule] = {}
