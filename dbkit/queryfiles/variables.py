"""Find out which variables a statement has, and which of them may be left out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dbkit.queryfiles.errors import (
    BadDefault,
    MixedUse,
    NamesDifferInCase,
    QueryFileFault,
    UnlistedIdentifier,
    UnusableName,
    UsedOutsidePart,
)
from dbkit.queryfiles.parts import StatementText
from dbkit.queryfiles.pythonnames import pairs_by_case, unusable_as_parameter
from dbkit.queryfiles.queryrecords import Choice, Combination, Part, QueryParameter, Slot, Switch
from dbkit.sqltext import Source

Around = tuple[tuple[str, bool], ...]
"""The switches around a variable, and for each whether it is on where the variable is sent."""


class VariableUse(NamedTuple):
    """A variable in the statement, and the switches around it."""

    slot: Slot
    around: Around


@dataclass
class Variables:
    """The variables of a statement: the defaults, the switches, and where each is used."""

    # name to value, and where in the file it is set
    defaults: Mapping[str, tuple[str, int]]
    # where each name is first met, in the order of the file
    starts: dict[str, int] = field(default_factory=dict[str, int])
    switches: set[str] = field(default_factory=set[str])
    uses: list[VariableUse] = field(default_factory=list[VariableUse])

    @property
    def identifiers(self) -> frozenset[str]:
        """The variables that stand for an identifier."""
        return frozenset(use.slot.name for use in self.uses if use.slot.is_identifier)

    @property
    def values(self) -> frozenset[str]:
        """The variables that stand for a value."""
        return frozenset(use.slot.name for use in self.uses if not use.slot.is_identifier)

    def default(self, name: str) -> str | None:
        """Return the default of a variable, if it has one."""
        return self.defaults[name][0] if name in self.defaults else None


def find_variables(text: StatementText) -> Variables:
    """Find the variables of a statement."""
    variables = Variables(text.defaults)
    variables.starts.update({name: start for name, (_, start) in text.defaults.items()})
    for part, around in _walk(text.parts, ()):
        variables.starts.setdefault(part.name, part.start)
        if isinstance(part, Switch):
            variables.switches.add(part.name)
        else:
            variables.uses.append(VariableUse(part, around))
    return variables


def find_variable_faults(
    source: Source, text: StatementText, variables: Variables
) -> Iterator[QueryFileFault]:
    """Find names that cannot be used, and parameters used where they are left out."""
    starts, used = variables.starts, variables.identifiers | variables.values
    for name, start in starts.items():
        if reason := unusable_as_parameter(name):
            yield UnusableName(*source.place(start), "parameter", name, reason)
    for name, other in pairs_by_case(starts):
        yield NamesDifferInCase(*source.place(starts[name]), name, other)
    for name, (_, start) in variables.defaults.items():
        if name not in used and text.has_all_variables:
            reason = f"is for a value that stands nowhere; write :'{name}', or take this out"
            yield BadDefault(*source.place(start), f"\\set {name}", reason)
    mixed: set[str] = set()
    for slot, around in variables.uses:
        if slot.is_identifier and slot.name in variables.values - mixed:
            mixed.add(slot.name)
            yield MixedUse(*source.place(slot.start), slot.name)
        is_switch = slot.name in variables.switches and slot.name not in variables.defaults
        if is_switch and (slot.name, True) not in around and text.has_all_conditions:
            yield UsedOutsidePart(*source.place(slot.start), slot.name)


def read_choices(
    source: Source, variables: Variables, listed: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[Choice, ...], list[QueryFileFault]]:
    """Return the choices of identifiers, and the faults of those that cannot be used.

    An empty list is one that could not be read.
    """
    choices: dict[str, Choice] = {}
    faults: dict[str, QueryFileFault] = {}
    for slot, _ in variables.uses:
        name, allowed = slot.name, listed.get(slot.name)
        if not slot.is_identifier or name in faults or name in variables.values:
            continue
        if allowed is None:
            faults[name] = UnlistedIdentifier(*source.place(slot.start), name)
            continue
        if not allowed:
            continue
        default = variables.default(name)
        if default is not None and default not in allowed:
            reason = f"is none of the names that the header lists: {', '.join(allowed)}"
            start = variables.defaults[name][1]
            faults[name] = BadDefault(*source.place(start), f"\\set {name} {default}", reason)
        choices[name] = Choice(name, allowed, default)
    return tuple(choices.values()), [*faults.values()]


def mark_omittable(
    choices: Iterable[Choice], combinations: Sequence[Combination]
) -> tuple[Choice, ...]:
    """Mark the choices that are not used in every combination."""
    chosen = [dict(combination.chosen) for combination in combinations]
    return tuple(
        choice._replace(
            omittable=choice.default is None and any(choice.name not in names for names in chosen)
        )
        for choice in choices
    )


def read_parameters(
    variables: Variables, combinations: Sequence[Combination]
) -> tuple[QueryParameter, ...]:
    """Return the parameters: required, with a default, and those that may be left out."""
    parameters: list[QueryParameter] = []
    for name in variables.starts:
        if name not in variables.identifiers:
            default = variables.default(name)
            is_needed = all(name in combination.parameters for combination in combinations)
            parameters.append(
                QueryParameter(
                    name,
                    default,
                    omittable=default is None and not is_needed,
                    flag=name not in variables.values,
                )
            )
    return tuple(
        sorted(
            parameters, key=lambda parameter: (parameter.omittable, parameter.default is not None)
        )
    )


def notes_on_omittable(variables: Variables, omittable: Iterable[str]) -> list[str]:
    """Say for each variable inside another variable's part when it has to be given."""
    notes: list[str] = []
    for name in omittable:
        conditions = {
            " and ".join(
                f"{'with' if on else 'without'} `{other}`"
                for other, on in around
                if other != name and other not in variables.defaults
            ): None
            for slot, around in variables.uses
            if slot.name == name
        }
        if conditions and "" not in conditions:
            verb = "counts only" if name in variables.switches else "is to be given"
            notes.append(f"`{name}` {verb} {', or '.join(conditions)}.")
    return notes


def _walk(parts: Sequence[Part], around: Around) -> Iterator[tuple[Slot | Switch, Around]]:
    for part in parts:
        if isinstance(part, Slot):
            yield part, around
        elif isinstance(part, Switch):
            yield part, around
            yield from _walk(part.given, (*around, (part.name, True)))
            yield from _walk(part.omitted, (*around, (part.name, False)))
