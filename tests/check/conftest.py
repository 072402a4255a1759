"""A shop with one table, migrated, whose query files are written by each test."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest

from dbkit.check import CheckReport, Finding, check_system
from dbkit.codegen import generate_system, write_package
from dbkit.settings import System, load_settings
from tests.project import Project

_ORDERS = """-- Orders.
create type state as enum ('open', 'paid');
create table orders (
    id integer primary key,
    customer text not null,
    note text,
    state state not null
);
"""


@dataclass(frozen=True)
class Shop:
    """The project, a connection to its database, and the check."""

    project: Project
    connection: psycopg.Connection

    def query(self, place: str, text: str) -> None:
        """Write a file into the folder of query files."""
        path = self.project.root / "sql" / "shop" / f"{place}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    @property
    def system(self) -> System:
        """The shop as its settings tell it."""
        return load_settings(self.project.root).systems["shop"]

    def generate(self) -> None:
        """Name a package, and write it as the database is now."""
        (self.project.root / "pyproject.toml").write_text(
            '[tool.dbkit.systems.shop]\npackage = "shop.queries"\n'
        )
        write_package(generate_system(self.system, self.project.root, self.connection))

    def check(self, told: Callable[[str], object] = lambda _: None) -> CheckReport:
        """Check it as the command does."""
        # a connection of its own: one remembers the types it has seen
        return check_system(self.system, self.project.root, self.project.connect(), told)

    def places(self) -> list[tuple[str, str]]:
        """Return the place of each finding and its sentence."""
        return [(one.place, one.message) for one in self.check().findings]

    def only(self) -> Finding:
        """Return the one finding there is."""
        [finding] = self.check().findings
        return finding


@pytest.fixture
def shop(project: Project) -> Iterator[Shop]:
    """The shop, no query file written yet."""
    project.migration("0001_orders", _ORDERS)
    with project.connect() as connection:
        project.runner(connection).migrate()
        yield Shop(project, connection)
