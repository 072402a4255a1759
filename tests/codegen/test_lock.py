"""Generated code that is not current is found without a server, and replaced whole."""

from pathlib import Path
from zlib import crc32

import psycopg
import pytest

from dbkit.codegen import find_stale, generate_system, package_folder, write_package
from dbkit.codegen.errors import ForeignFile, NoPackage, UnusablePackage
from dbkit.codegen.lockfile import FORM
from dbkit.settings import System
from tests.conftest import ROOT

SHOP = ROOT / "tests" / "files" / "generating" / "shopqueries"


def test_what_was_just_generated_is_current(system: System, package: Path) -> None:
    assert find_stale(system.sql, package) == ()


def test_an_edited_query_is_found(system: System, package: Path) -> None:
    path = system.sql / "orders" / "list_open.sql"
    path.write_text(path.read_text() + "-- edited\n")

    stale = find_stale(system.sql, package)

    assert stale == ("shop/orders/list_open.sql was changed",)


def test_a_new_query_and_a_gone_one_are_found(system: System, package: Path) -> None:
    (system.sql / "orders" / "load.sql").rename(system.sql / "orders" / "load_all.sql")

    stale = find_stale(system.sql, package)

    assert stale == ("shop/orders/load.sql is gone", "shop/orders/load_all.sql is new")


def test_an_edited_module_and_a_gone_one_are_found(system: System, package: Path) -> None:
    (package / "orders.py").write_text((package / "orders.py").read_text() + "# edited\n")
    (package / "customers.py").unlink()

    stale = find_stale(system.sql, package)

    assert stale == ("shopqueries/customers.py is gone", "shopqueries/orders.py was changed")


def test_other_ends_of_the_lines_are_no_change(system: System, package: Path) -> None:
    for path in (*package.glob("*.py"), *system.sql.rglob("*.sql")):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert find_stale(system.sql, package) == ()


def test_what_another_version_wrote_is_told(system: System, package: Path) -> None:
    lock = package / "queries.lock"
    lock.write_text(lock.read_text().replace(f'"form": {FORM}', f'"form": {FORM - 1}'))

    stale = find_stale(system.sql, package)

    assert stale == ("shopqueries/queries.lock was written by another version of dbkit",)


def test_the_form_is_raised_with_each_change_of_what_is_written() -> None:
    # when this fails because the shop's files were changed, only the number has to be mended
    texts = b"".join(path.read_bytes() for path in sorted(SHOP.glob("*.py")))

    assert (FORM, crc32(texts)) == (6, 1734995470)


@pytest.mark.parametrize("text", ["", "[]", f'{{"form": {FORM}}}'])
def test_a_broken_lock_file_is_no_lock_file(system: System, package: Path, text: str) -> None:
    (package / "queries.lock").write_text(text)

    [reason] = find_stale(system.sql, package)

    assert reason.startswith("shopqueries/queries.lock ")


def test_a_package_never_generated_is_not_current(system: System, root: Path) -> None:
    assert find_stale(system.sql, root / "nowhere") == ("there is no nowhere/queries.lock",)


def test_a_module_whose_queries_are_gone_is_taken_away(
    system: System, root: Path, package: Path, shop: psycopg.Connection
) -> None:
    (package / "by_hand.py").write_text('"""Somebody\'s own."""\n')
    for path in (system.sql / "orders").iterdir():
        path.unlink()

    written = write_package(generate_system(system, root, shop))

    assert written.removed == (package / "orders.py",)
    assert sorted(path.name for path in package.glob("*.py")) == [
        "__init__.py",
        "by_hand.py",
        "customers.py",
        "rows.py",
    ]
    assert find_stale(system.sql, package) == ()


def test_a_file_of_somebody_elses_is_not_overwritten(
    system: System, root: Path, package: Path, shop: psycopg.Connection
) -> None:
    (package / "orders.py").write_text('"""Somebody\'s own."""\n')
    (package / "customers.py").unlink()

    with pytest.raises(ForeignFile):
        write_package(generate_system(system, root, shop))

    assert (package / "orders.py").read_text() == '"""Somebody\'s own."""\n'
    assert not (package / "customers.py").exists()


@pytest.mark.parametrize("package", ["shop-queries", "shop..queries", "../shop"])
def test_a_package_without_a_name_of_pythons_is_refused(
    system: System, root: Path, package: str
) -> None:
    with pytest.raises(UnusablePackage):
        package_folder(system._replace(package=package), root)


def test_a_system_that_names_no_package_has_no_folder(system: System, root: Path) -> None:
    with pytest.raises(NoPackage):
        package_folder(system._replace(package=None), root)
