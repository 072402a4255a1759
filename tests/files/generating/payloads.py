"""What the shop's jsonb column becomes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Payload:
    """What was ordered, and how many of it."""

    article: str
    number: int = 1
