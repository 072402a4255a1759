"""Write the values of a column as COPY reads them."""

from collections.abc import Sequence

from dbkit.operations.sqlite.values import Cell, Convert, Misfit

_NULL = "\\N"
_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_ESCAPES = str.maketrans(_ESCAPED)
_NO_PLACE = "is not there, and the column has no place for null"


def write_cells(
    values: Sequence[Cell], convert: Convert, *, needed: bool
) -> tuple[list[str], dict[int, str]]:
    """Return the cells, and by its place the reason of each value that does not fit.

    Whole columns, because a million rows have many cells: what few of them need is asked
    once for all.
    """
    try:
        cells = ["" if value is None else convert(value) for value in values]
        misfits: dict[int, str] = {}
    except Misfit:
        cells, misfits = _one_by_one(values, convert)
    joined = "".join(cells)
    if any(special in joined for special in _ESCAPED):
        cells = [cell.translate(_ESCAPES) for cell in cells]
    nulls = [place for place, value in enumerate(values) if value is None] if None in values else []
    if needed:
        misfits |= dict.fromkeys(nulls, _NO_PLACE)
    for place in {*nulls, *misfits}:
        cells[place] = _NULL
    return cells, misfits


def _one_by_one(values: Sequence[Cell], convert: Convert) -> tuple[list[str], dict[int, str]]:
    cells: list[str] = []
    misfits: dict[int, str] = {}
    for place, value in enumerate(values):
        try:
            cells.append("" if value is None else convert(value))
        except Misfit as misfit:
            cells.append("")
            misfits[place] = str(misfit)
    return cells, misfits
