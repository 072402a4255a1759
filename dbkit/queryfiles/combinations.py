"""Compile the parts of a query into static statements, one for each combination."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, product
from itertools import combinations as choose
from math import prod

from dbkit.errors import UnlistedChoice
from dbkit.queryfiles.parts import SPACE, is_blank
from dbkit.queryfiles.queryrecords import Choice, Combination, Part, Query, Slot, Switch, TextPart

MOST_SWITCHES = 16
# where there are more combinations than this, only some of them are made
_MOST_COMBINATIONS = 64

Ancestors = Mapping[str, frozenset[str]]
"""By the name of a switch, the switches that have to be on around it, in the file's order."""


def combination_for(query: Query, given: Collection[str], chosen: Mapping[str, str]) -> Combination:
    """Compile the statement for the parts that are in and the identifiers that are chosen.

    `given` has the names that the caller passed, also those that switch no part. The `given` of
    the combination has only the switches that are on and were looked at.
    """
    picked = {choice.name: choice.default or choice.allowed[0] for choice in query.choices}
    for choice in query.choices:
        if choice.name in chosen:
            picked[choice.name] = value = chosen[choice.name]
            if value not in choice.allowed:
                name = f"{query.subject}.{query.name}"
                raise UnlistedChoice(name, choice.name, value, choice.allowed)
    always = {parameter.name for parameter in query.parameters if parameter.default is not None}
    always |= {choice.name for choice in query.choices if choice.default is not None}
    met = frozenset(given).union(chosen)
    return compile_combination(query.parts, met, frozenset(always), picked)


def compile_combination(
    parts: Sequence[Part],
    given: frozenset[str],
    always: frozenset[str],
    chosen: Mapping[str, str],
) -> Combination:
    """Compile one combination into what psql would send for it, `$n` in place of values."""
    writer = _Writer(given, always, chosen)
    writer.write(parts)
    text = writer.text.rstrip(SPACE)
    return Combination(
        frozenset(writer.met),
        tuple(sorted(writer.chosen.items())),
        text,
        tuple(writer.numbers),
        tuple(piece for piece in writer.pieces if piece[0] < len(text)),
    )


def all_combinations(
    parts: Sequence[Part], always: frozenset[str], choices: Sequence[Choice]
) -> tuple[Combination, ...]:
    """Compile every combination when there are at most 64.

    Where there are more: all off, all on, each switch alone and each pair of switches, together
    with the switches that have to be on around them; and every identifier that may be chosen, once.
    """
    subsets = _subsets(find_switches(parts, always))
    is_few = len(subsets) * prod(len(choice.allowed) for choice in choices) <= _MOST_COMBINATIONS
    combinations: dict[tuple[frozenset[str], tuple[tuple[str, str], ...]], Combination] = {}
    seen: set[object] = set()
    for pick, subset in product(_picks(choices, every=is_few), subsets):
        combination = compile_combination(parts, subset, always, pick)
        if is_few or not seen.issuperset((combination.given, *combination.chosen)):
            seen.update((combination.given, *combination.chosen))
            combinations.setdefault((combination.given, combination.chosen), combination)
    return tuple(combinations.values())


def find_switches(parts: Sequence[Part], always: frozenset[str]) -> Ancestors:
    """Find the switches, and for each the switches around the place where it is first used."""
    ancestors: dict[str, frozenset[str]] = {}
    for switch, within in _switches(parts, frozenset()):
        if switch.name not in always:
            ancestors.setdefault(switch.name, within - always)
    return ancestors


def _switches(
    parts: Sequence[Part], within: frozenset[str]
) -> Iterator[tuple[Switch, frozenset[str]]]:
    for part in parts:
        if isinstance(part, Switch):
            yield part, within
            yield from _switches(part.given, within | {part.name})
            yield from _switches(part.omitted, within)


def _subsets(switches: Ancestors) -> list[frozenset[str]]:
    names = tuple(switches)
    if 2 ** len(names) <= _MOST_COMBINATIONS:
        sizes = range(len(names) + 1)
        return [frozenset(subset) for size in sizes for subset in choose(names, size)]
    small = chain(choose(names, 1), choose(names, 2))
    reached = [frozenset(subset).union(*(switches[name] for name in subset)) for subset in small]
    return [frozenset(), frozenset(names), *reached]


def _picks(choices: Sequence[Choice], *, every: bool) -> Iterator[Mapping[str, str]]:
    names = [choice.name for choice in choices]
    if every:
        for values in product(*(choice.allowed for choice in choices)):
            yield dict(zip(names, values, strict=True))
        return
    first = {choice.name: choice.allowed[0] for choice in choices}
    yield first
    for choice in choices:
        for value in choice.allowed[1:]:
            yield {**first, choice.name: value}


@dataclass
class _Writer:
    given: frozenset[str]
    always: frozenset[str]
    picked: Mapping[str, str]
    text: str = ""
    pieces: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    # the number of each parameter, as $n says it
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    met: set[str] = field(default_factory=set[str])
    chosen: dict[str, str] = field(default_factory=dict[str, str])

    def write(self, parts: Sequence[Part]) -> None:
        for part in parts:
            match part:
                case TextPart():
                    # psql leaves out white space and line comments that begin a statement
                    if self.text or not is_blank(part) or part.text.startswith("/*"):
                        self._append(part.text, part.start)
                case Slot(is_identifier=True):
                    value = self.chosen[part.name] = self.picked[part.name]
                    self._append(f'"{value}"', part.start)
                case Slot():
                    number = self.numbers.setdefault(part.name, len(self.numbers) + 1)
                    self._append(f"${number}", part.start)
                case _:
                    self._write_branch(part)

    def _write_branch(self, switch: Switch) -> None:
        is_on = switch.name in self.given or switch.name in self.always
        if is_on and switch.name not in self.always:
            self.met.add(switch.name)
        self._forget_line()
        self.write(switch.given if is_on else switch.omitted)
        self._forget_line()

    def _forget_line(self) -> None:
        # psql takes back the line break before a command that begins its line
        self.text = self.text.removesuffix("\n")

    def _append(self, text: str, start: int) -> None:
        while self.pieces and self.pieces[-1][0] >= len(self.text):
            self.pieces.pop()
        self.pieces.append((len(self.text), start))
        self.text += text
