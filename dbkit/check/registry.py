"""A rule, what it needs to look at, and the registry that holds all rules of the check."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from dbkit.check.errors import UnknownRule
from dbkit.check.finding import Finding, Observation

T = TypeVar("T")


class Severity(StrEnum):
    """What a finding means for the exit code: an error ends with 1, a warning changes nothing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, eq=False)
class Need(Generic[T]):
    """What has to be there before a rule can be asked; the rule is called with a `T`."""

    # as in "needs: the query files"
    words: str
    # a header line `-- allow: rule, reason` silences the rules with this need
    can_be_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """One question that the check asks, and the answers that a person needs with a finding."""

    name: str
    # what `--json` calls it: several rules may share a kind
    kind: str
    severity: Severity
    needs: Need[T]
    # one sentence: why it is wrong or doubtful
    why: str
    # one sentence: how the finding goes away
    remedy: str
    # a query file that the rule finds something in, or what the check prints
    example: str
    find: Callable[[T], Iterable[Observation]] = field(repr=False)

    @property
    def shown_example(self) -> str:
        """The lines of the query file, or the line that the check prints."""
        is_file = self.example.startswith("--")
        return self.example if is_file else f"{self.example} [{self.name}]\n"


class Registry:
    """The rules by name, in the order in which they were written."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule[Any]] = {}

    def __iter__(self) -> Iterator[Rule[Any]]:
        return iter(self._rules.values())

    def rule(  # noqa: PLR0913 - each is a part of what a person is told
        self,
        name: str,
        severity: Severity,
        needs: Need[T],
        *,
        why: str,
        remedy: str,
        example: str,
        kind: str | None = None,
    ) -> Callable[[Callable[[T], Iterable[Observation]]], Callable[[T], Iterable[Observation]]]:
        """Make a rule of the function below: it is called with what it needs."""

        def register(
            find: Callable[[T], Iterable[Observation]],
        ) -> Callable[[T], Iterable[Observation]]:
            if name in self._rules:
                message = f"two rules are called {name!r}"
                raise ValueError(message)
            made = Rule(name, kind or name, severity, needs, why, remedy, example, find)
            self._rules[name] = made
            return find

        return register

    def add(self, others: "Registry") -> None:
        """Take in the rules of another registry, after those that are here."""
        for rule in others:
            if rule.name in self._rules:
                message = f"two rules are called {rule.name!r}"
                raise ValueError(message)
            self._rules[rule.name] = rule

    def named(self, name: str) -> Rule[Any]:
        """Return the rule of this name."""
        if name not in self._rules:
            raise UnknownRule(name, tuple(self._rules))
        return self._rules[name]

    def findings(self, needs: Need[T], subject: T) -> Iterator[Finding]:
        """Ask all rules with this need about one subject."""
        for rule in self:
            if rule.needs is needs:
                for seen in rule.find(subject):
                    yield Finding(
                        seen.message,
                        seen.path,
                        seen.line,
                        seen.column,
                        seen.query,
                        seen.snippet,
                        rule=rule.name,
                        kind=rule.kind,
                        is_warning=rule.severity is Severity.WARNING,
                    )
