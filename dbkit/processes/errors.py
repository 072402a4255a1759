"""What keeps a process from starting."""

from dataclasses import dataclass

from dbkit.errors import DbkitError


@dataclass(eq=False)
class NoServer(DbkitError):
    """The package that answers requests is not installed."""

    def __str__(self) -> str:
        return "uvicorn is not installed here; install it with: pip install 'dbkit[serve]'"


@dataclass(eq=False)
class CannotListen(DbkitError):
    """No request can be received at an address."""

    address: str
    reason: str

    def __str__(self) -> str:
        return f"cannot listen at {self.address} ({self.reason}); choose another with --port"
