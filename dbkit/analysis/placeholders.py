"""Let many statements share the parameters of one function, of which there may be a hundred."""

from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from typing import NamedTuple

from dbkit.analysis.nodes import Node
from dbkit.analysis.vocabulary import ParamKind
from dbkit.errors import SourceError
from dbkit.sqltext import BLANK, Token, TokenKind, tokens

# of a function, in a server that was built as usual
MAX_PARAMETERS = 100


class Place(NamedTuple):
    """Where a statement finds a parameter: as one of the function's, or in an array that is one."""

    number: int
    # counted from 1; 0 if it is no element
    element: int = 0

    def __str__(self) -> str:
        # in parentheses, so that a subscript after it is one of the value
        return f"(${self.number}[{self.element}])" if self.element else f"${self.number}"


_NOWHERE = Place(0)


class Parameters:
    """The parameters of a function: the same ones serve every statement in it, type by type."""

    def __init__(self) -> None:
        # by the type, and which of that type it is; for an array of a type, it is the 0th
        self._numbers: dict[tuple[int, int], int] = {}

    @property
    def types(self) -> list[tuple[int, bool]]:
        """The type of each, and whether the parameter is an array of that type."""
        return [(type_oid, not position) for type_oid, position in self._numbers]

    def places(
        self, types: Sequence[int], in_arrays: frozenset[int] = frozenset()
    ) -> list[Place] | None:
        """Return a place for each parameter of a statement; None where there are not so many.

        Those of the types `in_arrays` are elements of one array for each type.
        """
        seen: dict[int, Iterator[int]] = {}
        wanted = [(oid, next(seen.setdefault(oid, count(1)))) for oid in types]
        keys = {key if key[0] not in in_arrays else (key[0], 0) for key in wanted}
        if len({*self._numbers, *keys}) > MAX_PARAMETERS:
            return None
        return [
            Place(self._number((oid, 0)), position)
            if oid in in_arrays
            else Place(self._number((oid, position)))
            for oid, position in wanted
        ]

    def _number(self, key: tuple[int, int]) -> int:
        return self._numbers.setdefault(key, len(self._numbers) + 1)


def moved(text: str, places: Sequence[Place | str], *, standard_strings: bool) -> str | None:
    """Return a statement with its parameters in other places; None if it cannot be read safely."""
    if all(place == Place(number) for number, place in enumerate(places, start=1)):
        return text
    try:
        script = [*tokens(text, standard_conforming_strings=standard_strings)]
    except SourceError:
        return None
    if not _is_read_alike(text, script, standard_strings=standard_strings):
        return None
    parts: list[str] = []
    for token in script:
        part = text[token.start : token.end]
        if token.kind is TokenKind.PARAMETER:
            if not part[1:].isdecimal() or not 0 < int(part[1:]) <= len(places):
                return None
            part = str(places[int(part[1:]) - 1])
        parts.append(part)
    return "".join(parts)


def _is_read_alike(text: str, script: Sequence[Token], *, standard_strings: bool) -> bool:
    """Whether the server sees the same tokens.

    psql forgets at the end of a line that a string with escapes may go on in the next one.
    """
    kinds = [token for token in script if token.kind not in BLANK]
    return not any(
        first.kind is second.kind is TokenKind.STRING
        and (text[first.start] in "eE" or not standard_strings)
        for first, second in pairwise(kinds)
    )


def move_back(query: Node, places: Sequence[Place]) -> None:
    """Give the parameters of an analysed statement the numbers that its text has."""
    numbers = {place: str(number) for number, place in enumerate(places, start=1)}
    carriers = frozenset(place.number for place in places if place.element)
    # found before any is changed
    for node in [*query.walk()]:
        if (element := _element(node, carriers)) in numbers:
            node.kind = "PARAM"
            node.fields = {
                "paramkind": str(int(ParamKind.EXTERN)),
                "paramid": numbers[element],
                "paramtype": node.fields["refrestype"],
                "paramtypmod": node.fields["reftypmod"],
                "paramcollid": node.fields["refcollid"],
            }
        elif _is_parameter(node) and (place := Place(node.number("paramid"))) in numbers:
            node.fields["paramid"] = numbers[place]


def _element(node: Node, carriers: frozenset[int]) -> Place:
    """Return the place that a subscript stands for, one that there is not if it stands for none."""
    array = node.child("refexpr") if node.kind == "SUBSCRIPTINGREF" else None
    indexes = node.children("refupperindexpr")
    if array is None or not _is_parameter(array) or array.number("paramid") not in carriers:
        return _NOWHERE
    return Place(array.number("paramid"), int.from_bytes(indexes[0].datum()[:4], "little"))


def _is_parameter(node: Node) -> bool:
    return node.kind == "PARAM" and node.number("paramkind") == ParamKind.EXTERN
