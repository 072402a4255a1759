"""Count what happens to the statements of a connection."""

from dataclasses import dataclass
from typing import Self


@dataclass(slots=True)
class Counts:
    """What happened to the statements of a connection."""

    # prepared by name, closed to make room, prepared again because the server had lost them
    prepared: int = 0
    evicted: int = 0
    healed: int = 0
    # calls by name, and calls without
    named: int = 0
    unnamed: int = 0

    @property
    def made(self) -> int:
        """The calls that were sent."""
        return self.named + self.unnamed

    def __iadd__(self, other: "Counts") -> Self:
        self.prepared += other.prepared
        self.evicted += other.evicted
        self.healed += other.healed
        self.named += other.named
        self.unnamed += other.unnamed
        return self
