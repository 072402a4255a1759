"""Write what was measured as a table, as a page and as a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from measuring import Spent

_THOUSAND = 1000


@dataclass(frozen=True)
class Compared:
    """How dbkit stands to one other, and where it should."""

    # the contestant that is 1
    other: str
    ratio: float
    # None where there is no goal
    goal: float | None
    # the same by the clock; None where only memory was looked at
    wall: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the goal was reached."""
        if self.goal is None:
            return ""
        return "reached" if self.ratio <= self.goal else "missed"


@dataclass(frozen=True)
class Measured:
    """One kind of work, with all who did it."""

    title: str
    compared: tuple[Compared, ...]
    spent: dict[str, Spent] = field(default_factory=dict[str, Spent])


@dataclass(frozen=True)
class Counted:
    """Something that is counted, in a unit of its own: round trips, or memory."""

    title: str
    unit: str
    amounts: dict[str, float]
    goal: float | None

    @property
    def verdict(self) -> str:
        """Whether the goal was reached."""
        if self.goal is None:
            return ""
        return "reached" if self.amounts["dbkit"] <= self.goal else "missed"


@dataclass(frozen=True)
class Results:
    """All that one run found."""

    about: Sequence[tuple[str, str]]
    measured: Sequence[Measured]
    counted: Sequence[Counted]


def lines(measured: Measured) -> Iterator[str]:
    """Give what the terminal shows of one kind of work."""
    yield measured.title
    for compared in measured.compared:
        goal = "" if compared.goal is None else f"   goal {compared.goal:.2f} {compared.verdict}"
        wall = "" if compared.wall is None else f"   by the clock {compared.wall:.2f}"
        yield f"  dbkit ÷ {compared.other:24} {compared.ratio:6.2f}{goal}{wall}"
    for name, spent in sorted(measured.spent.items(), key=lambda pair: pair[1].cpu):
        yield (
            f"    {name:24} {_micro(spent.cpu):>12} µs = client {_micro(spent.client):>12}"
            f" + server {_micro(spent.server):>11}   clock {_micro(spent.wall):>12}"
        )


def counted_lines(counted: Counted) -> Iterator[str]:
    """Give what the terminal shows of something counted."""
    yield counted.title
    for name, amount in counted.amounts.items():
        goal = f"   goal {counted.goal:g} {counted.verdict}" if counted.goal is not None else ""
        yield f"    {name:24} {amount:>12,.4g} {counted.unit}{goal if name == 'dbkit' else ''}"


def page(results: Results) -> str:
    """Return RESULTS.md."""
    return "\n".join([*_page(results), ""])


def _page(results: Results) -> Iterator[str]:
    yield "# A call of dbkit beside others\n"
    yield "Written by `make bench`; nothing here was typed. Less is better everywhere.\n"
    yield "![CPU of a call, dbkit beside its peers](RESULTS.svg)\n"
    yield "| | |\n|---|---|"
    yield from (f"| {name} | {value} |" for name, value in results.about)
    yield (
        "\nA ratio is CPU time of the client and of its backend together, the 25th percentile of"
        " many short slices in which the\ncontestants take turns. It moves little on a busy"
        " machine; the clock beside it does.\n"
    )
    yield "| work | dbkit ÷ | ratio | goal | | by the clock |\n|---|---|---|---|---|---|"
    for measured in results.measured:
        for compared in measured.compared:
            goal = "" if compared.goal is None else f"≤ {compared.goal:.2f}"
            wall = "" if compared.wall is None else f"{compared.wall:.2f}"
            yield (
                f"| {measured.title} | {compared.other} | {compared.ratio:.2f} | {goal} |"
                f" {compared.verdict} | {wall} |"
            )
    yield "\n| counted | dbkit | goal | | others |\n|---|---|---|---|---|"
    for counted in results.counted:
        goal = "" if counted.goal is None else f"≤ {counted.goal:g}"
        others = ", ".join(
            f"{name} {amount:,.4g}" for name, amount in counted.amounts.items() if name != "dbkit"
        )
        yield (
            f"| {counted.title} | {counted.amounts['dbkit']:,.4g} {counted.unit} | {goal} |"
            f" {counted.verdict} | {others} |"
        )
    yield "\n## All contestants\n"
    yield "Microseconds of one call.\n"
    for measured in results.measured:
        if measured.spent:
            yield f"\n**{measured.title}**\n"
            yield "| | CPU | client | server | by the clock |\n|---|---|---|---|---|"
            for name, spent in sorted(measured.spent.items(), key=lambda pair: pair[1].cpu):
                yield (
                    f"| {name} | {_micro(spent.cpu)} | {_micro(spent.client)} |"
                    f" {_micro(spent.server)} | {_micro(spent.wall)} |"
                )


def _micro(nanoseconds: float) -> str:
    microseconds = nanoseconds / _THOUSAND
    return f"{microseconds:,.1f}" if microseconds < _THOUSAND else f"{microseconds:,.0f}"


_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.faint { fill: #6e7781 }
.ours { fill: #0969da }
.theirs { fill: #afb8c1 }
.goal { stroke: #cf222e; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .faint { fill: #8d96a0 }
  .ours { fill: #4493f8 }
  .theirs { fill: #57606a }
  .goal { stroke: #f85149 }
}"""
_ROW = 22
_LEFT = 290
_WIDTH = 760
_LONGEST = 380


def picture(results: Results) -> str:
    """Return RESULTS.svg: who takes how long for the first work, and how dbkit stands elsewhere."""
    parts: list[str] = []
    y = 2
    for measured in results.measured[:1]:
        parts += _heading(f"{measured.title}, µs of CPU", y := y + _ROW)
        most = max((spent.cpu for spent in measured.spent.values()), default=0)
        for name, spent in sorted(measured.spent.items(), key=lambda pair: pair[1].cpu):
            kind = "ours" if name == "dbkit" else "theirs"
            parts += _bar(name, y := y + _ROW, kind, spent.cpu / most, _micro(spent.cpu))
    compared = [(each.title, other) for each in results.measured for other in each.compared]
    if compared:
        most = max(max(other.ratio, other.goal or 0) for _, other in compared)
        parts += _heading("what dbkit takes ÷ what another takes", y := y + 2 * _ROW)
        parts.append(
            f'<text class="faint" x="{_LEFT + 20}" y="{y}">the red line is the goal</text>'
        )
        for title, other in compared:
            goal = None if other.goal is None else other.goal / most
            label = f"{title} ÷ {other.other}"
            parts += _bar(
                label, y := y + _ROW, "ours", other.ratio / most, f"{other.ratio:.2f}", goal
            )
    height = y + 16
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
                f' width="{_WIDTH}" height="{height}" role="img">'
            ),
            "<title>CPU of a call, dbkit beside its peers</title>",
            f"<style>\n{_STYLE}\n</style>",
            *parts,
            "</svg>",
            "",
        ]
    )


def _heading(title: str, y: int) -> Iterator[str]:
    yield f'<text class="title" x="10" y="{y}">{escape(title)}</text>'


def _bar(  # noqa: PLR0913, PLR0917 - all that is seen of a bar
    label: str, y: int, kind: str, share: float, value: str, goal: float | None = None
) -> Iterator[str]:
    length = max(share * _LONGEST, 1)
    # right of the line too, which would cross it
    beside = _LEFT + max(length, (goal or 0) * _LONGEST) + 8
    yield f'<text x="{_LEFT - 10}" y="{y}" text-anchor="end">{escape(label)}</text>'
    yield f'<rect class="{kind}" x="{_LEFT}" y="{y - 12}" width="{length:.1f}" height="14" rx="2"/>'
    if goal is not None:
        yield f'<path class="goal" d="M{_LEFT + goal * _LONGEST:.1f} {y - 14}v18"/>'
    yield f'<text class="faint" x="{beside:.1f}" y="{y}">{value}</text>'
