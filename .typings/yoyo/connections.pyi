# What dbkit uses of yoyo 9, which ships no types.
from typing import NamedTuple

class DatabaseURI(NamedTuple):
    scheme: str
    username: str | None
    password: str | None
    hostname: str | None
    port: int | None
    database: str
    args: dict[str, str]
