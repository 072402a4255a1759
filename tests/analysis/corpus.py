"""The corpus: queries, and what is proven of their columns and parameters."""

from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    """One query of the corpus."""

    section: str
    columns: str
    parameters: str
    text: str

    def __str__(self) -> str:
        return f"{self.section}: {self.text}"

    @property
    def since(self) -> int:
        """The first version of PostgreSQL that knows what the query uses."""
        return int(self.section.removeprefix("since ")) if "since" in self.section else 0


def read_corpus() -> list[Case]:
    """Read the corpus that lies beside this module."""
    section = ""
    cases: list[Case] = []
    for line in (Path(__file__).parent / "corpus.txt").read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif " | " in line:
            marks, text = line.split(" | ", 1)
            columns, _, parameters = marks.partition(" ")
            cases.append(Case(section, columns.replace("-", ""), parameters, text))
    return cases
