"""What keeps a rule of the check from being explained."""

from dataclasses import dataclass

from dbkit.errors import ConfigurationError, nearest


@dataclass(eq=False)
class UnknownRule(ConfigurationError):
    """No rule has this name."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"unknown rule {self.name!r}{nearest(self.name, self.known)}; "
            f"known rules: {', '.join(self.known)}"
        )
