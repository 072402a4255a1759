"""The rules of the house hold for dbkit, and what is generated and written down is current."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.house import rules
from tests.house.modules import House, read_house
from tests.house.numbers import bare_numbers

FORWARD = sorted(
    path for path in (ROOT / "migrations").rglob("*.sql") if not path.name.endswith(".rollback.sql")
)
# the fields of PostgreSQL's nodes whose values have names
NAMED_FIELDS = (
    "action",
    "booltesttype",
    "boolop",
    "coerceformat",
    "coercionformat",
    "commandType",
    "convertformat",
    "funcformat",
    "jointype",
    "limitOption",
    "matchKind",
    "nulltesttype",
    "op",
    "paramkind",
    "relabelformat",
    "rtekind",
    "subLinkType",
    "varreturningtype",
)
AGREED_STEMS = {
    "new": "the command and what it writes",
    "status": "the command and what it shows",
}
AGREED_OFFERS = {
    "Cidr": "a generated module imports it where a column is of this type",
}
AGREED_NAMES = {
    "_asyncio_future_blocking": "read by a task that awaits",
    "_depends": "read by yoyo",
}
AGREED_EXCEPTIONS = {
    "Terminated": "SIGTERM unwinds as Ctrl-C does, which is no error",
    "Misfit": "a value's reason; DoesNotFit says it with the row and the column",
    "Unbindable": "a value's reason; BadValue says it with the query and the parameter",
    "Unfit": "a value's reason; WrongShape says it with the query and the column",
}


def hold(faults: list[str]) -> None:
    """Hold that a rule found no fault, and show all that it found."""
    assert not faults, "\n".join(["", *faults])


@pytest.fixture(scope="module")
def dbkit() -> House:
    """The package, read but not run."""
    return read_house(ROOT / "dbkit")


@pytest.fixture(scope="module")
def told() -> str:
    """What the README and the pages of docs tell a reader."""
    return "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def test_every_module_opens_with_a_sentence_and_can_be_read(dbkit: House) -> None:
    hold(rules.unreadable(dbkit))


@pytest.mark.parametrize("folder", ["tests", "bench"])
def test_every_module_of_tests_opens_with_a_sentence_and_can_be_read(folder: str) -> None:
    hold(rules.unreadable(read_house(ROOT / folder)))


def test_no_modules_import_in_a_circle(dbkit: House) -> None:
    hold(rules.circles(dbkit))


def test_the_order_within_every_package_is_held(dbkit: House) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    ordered = {
        container
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract.get("exhaustive")
        for container in contract["containers"]
    }

    packages = {module.package for module in dbkit.written if not module.is_package}

    # the systems are applications of dbkit; that they do not meet is a contract of its own
    assert not {name for name in packages - ordered if not name.startswith("dbkit.systems.")}


def test_packages_are_entered_by_their_front_door(dbkit: House) -> None:
    hold(rules.inner_imports(dbkit))


def test_a_public_class_name_means_one_thing(dbkit: House) -> None:
    hold(rules.repeated_classes(dbkit))


def test_a_module_name_means_one_thing(dbkit: House) -> None:
    hold(rules.repeated_stems(dbkit, AGREED_STEMS))


def test_a_front_door_offers_no_name_of_a_module(dbkit: House) -> None:
    hold(rules.ambiguous_offers(dbkit))


def test_what_a_front_door_offers_is_there(dbkit: House) -> None:
    hold(rules.missing_offers(dbkit))


def test_what_comes_through_a_front_door_is_offered(dbkit: House) -> None:
    hold(rules.hidden_offers(dbkit))


def test_what_a_front_door_offers_is_of_use(dbkit: House, told: str) -> None:
    hold(rules.idle_offers(dbkit, told, AGREED_OFFERS))


def test_a_front_door_finds_when_asked_what_it_offers_and_types(dbkit: House) -> None:
    hold(rules.lazy_offers(dbkit, "_MODULES"))


def test_a_front_door_gives_what_a_type_checker_finds_behind_it(dbkit: House) -> None:
    hold(rules.mistyped_offers(dbkit))


def test_every_private_name_is_used(dbkit: House) -> None:
    hold(rules.idle_names(dbkit, AGREED_NAMES))


def test_every_public_exception_is_an_error_of_ours(dbkit: House) -> None:
    hold(rules.foreign_errors(dbkit, "DbkitError", AGREED_EXCEPTIONS))


def test_the_errors_of_a_package_stand_together(dbkit: House) -> None:
    hold(rules.misplaced_errors(dbkit, "DbkitError"))


def test_every_error_says_what_it_is(dbkit: House) -> None:
    hold(rules.silent_errors(dbkit, "DbkitError"))


def test_every_error_is_raised(dbkit: House) -> None:
    hold(rules.dead_errors(dbkit, "DbkitError"))


def test_the_vocabulary_of_postgresql_is_written_by_its_names(dbkit: House) -> None:
    packages = ["dbkit.analysis", "dbkit.tenancy"]

    hold(bare_numbers(dbkit, packages, NAMED_FIELDS, "dbkit.analysis.vocabulary"))


@pytest.mark.parametrize("path", FORWARD, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_migration_says_why_in_its_first_line_and_can_be_undone(path: Path) -> None:
    first = path.read_text().splitlines()[0]

    assert re.match(r"-- \S", first)
    assert path.with_name(f"{path.stem}.rollback.sql").is_file()


def test_what_is_generated_is_what_the_query_files_say() -> None:
    command = [sys.executable, "-m", "dbkit", "generate", "--check"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
