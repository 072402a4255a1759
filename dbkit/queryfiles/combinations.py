"""Compile the parts of a query into static statements, one for each combination."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from dbkit.errors import UnlistedChoice
from dbkit.queryfiles.parts import SPACE, is_blank
from dbkit.queryfiles.queryrecords import Choice, Combination, Part, Query, Slot, Switch, TextPart

MOST_COMBINATIONS = 1024
# parts that share a switch are counted no further than this
_MOST_COUNTED = 4_096


class CombinationCount(NamedTuple):
    """How many combinations a query has, or where they are too many to count, at least."""

    number: int
    is_exact: bool


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
    """Compile every combination, first the one without any part, then by how many are in."""
    allowed = {choice.name: choice.allowed for choice in choices}
    switches = find_switches(parts, always)
    first = {name: values[0] for name, values in allowed.items()}

    def place(decisions: _Decisions) -> tuple[list[int], int, list[int]]:
        given = [number for number, name in enumerate(switches) if decisions.switched.get(name)]
        chosen = [
            values.index(decisions.chosen.get(name, values[0])) for name, values in allowed.items()
        ]
        return chosen, len(given), given

    return tuple(
        compile_combination(
            parts,
            frozenset(name for name, is_on in decisions.switched.items() if is_on),
            always,
            {**first, **decisions.chosen},
        )
        for decisions in sorted(_decide(parts, always, allowed), key=place)
    )


def count_combinations(
    parts: Sequence[Part], always: frozenset[str], choices: Sequence[Choice]
) -> CombinationCount:
    """Count the combinations without compiling them; what shares no name multiplies."""
    allowed = {choice.name: choice.allowed for choice in choices}
    number, is_exact = 1, True
    for group in _independent(parts, always):
        counted = sum(1 for _ in islice(_decide(group, always, allowed), _MOST_COUNTED))
        is_exact = is_exact and counted < _MOST_COUNTED
        number *= counted
    return CombinationCount(number, is_exact)


def find_switches(parts: Sequence[Part], always: frozenset[str]) -> tuple[str, ...]:
    """Find the names that switch a part, in the order in which they are first looked at."""
    names = (part.name for part in _deciding(parts) if isinstance(part, Switch))
    return tuple(name for name in dict.fromkeys(names) if name not in always)


def _deciding(parts: Sequence[Part]) -> Iterator[Switch | Slot]:
    """Yield the switches and the identifiers, also those inside of switched parts."""
    for part in parts:
        if isinstance(part, Switch):
            yield part
            yield from _deciding(part.given)
            yield from _deciding(part.omitted)
        elif isinstance(part, Slot) and part.is_identifier:
            yield part


def _independent(parts: Sequence[Part], always: frozenset[str]) -> list[list[Part]]:
    """Group the parts so that two groups have no switch and no identifier in common."""
    groups: list[tuple[set[str], list[Part]]] = []
    for part in parts:
        names, group = {inner.name for inner in _deciding([part])} - always, [part]
        # a name with a default switches nothing, and may still be an identifier
        names |= {inner.name for inner in _deciding([part]) if isinstance(inner, Slot)}
        if not names:
            continue
        for other in [other for other in groups if not names.isdisjoint(other[0])]:
            groups.remove(other)
            names |= other[0]
            group = [*other[1], *group]
        groups.append((names, group))
    return [group for _, group in groups]


class _Decisions(NamedTuple):
    """Whether each switch that is met is on, and what each identifier that is met is."""

    switched: dict[str, bool]
    chosen: dict[str, str]


def _decide(
    parts: Sequence[Part], always: frozenset[str], allowed: Mapping[str, Sequence[str]]
) -> Iterator[_Decisions]:
    """Yield every way through the parts: what is not met is not decided, so none comes twice."""
    # a stack instead of recursion: a file may have any number of switches
    waiting = [(tuple(parts), _Decisions({}, {}))]
    while waiting:
        ahead, (switched, chosen) = waiting.pop()
        while ahead:
            part, ahead = ahead[0], ahead[1:]
            if isinstance(part, Switch) and part.name in always:
                ahead = (*part.given, *ahead)
            elif isinstance(part, Switch) and part.name in switched:
                ahead = (*(part.given if switched[part.name] else part.omitted), *ahead)
            elif isinstance(part, Switch):
                on = _Decisions({**switched, part.name: True}, chosen)
                waiting.append(((*part.given, *ahead), on))
                switched = {**switched, part.name: False}
                ahead = (*part.omitted, *ahead)
            elif isinstance(part, Slot) and part.is_identifier and part.name not in chosen:
                first, *others = allowed[part.name]
                waiting += (
                    (ahead, _Decisions(switched, {**chosen, part.name: other})) for other in others
                )
                chosen = {**chosen, part.name: first}
        yield _Decisions(switched, chosen)


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
