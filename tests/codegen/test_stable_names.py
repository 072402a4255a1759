"""No name of a generated package moves because another query file came, went or was renamed."""

import ast
from collections.abc import Mapping
from pathlib import Path
from shutil import copytree

import psycopg
import pytest

from dbkit.codegen import generate_system
from dbkit.codegen.errors import ClashingNames
from dbkit.errors import QueryError
from dbkit.settings import System
from dbkit.typedqueries import RowsDiffer
from tests.conftest import ROOT


def _texts(system: System, root: Path, connection: psycopg.Connection) -> Mapping[str, str]:
    texts = generate_system(system, root, connection)
    return {path.name: text for path, text in texts.items() if path.suffix == ".py"}


def _names(text: str) -> dict[str, str]:
    """Return every public name of a module with what it is."""
    names: dict[str, str] = {}
    for node in ast.parse(text).body:
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                # what an import is called in a module is the module's own affair
                names[node.name] = ast.unparse(node).replace("date_", "date")
            case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
                names[name] = ast.unparse(node)
            case _:
                pass
    return names


@pytest.fixture
def orders(system: System) -> Path:
    """The folder of the queries on orders."""
    return system.sql / "orders"


@pytest.mark.parametrize("name", ["aaa", "list_notf", "zzz"])
@pytest.mark.parametrize("like", ["list_notes", "list_recent", "list_payloads"])
def test_a_file_that_comes_changes_no_name_of_another(
    system: System, root: Path, shop: psycopg.Connection, name: str, like: str
) -> None:
    before = _texts(system, root, shop)
    orders = system.sql / "orders"
    text = (orders / f"{like}.sql").read_text()
    (orders / f"{name}.sql").write_text(text.replace("-- row: ", "-- Not said: "))

    after = _texts(system, root, shop)

    earlier = _names(before["orders.py"])
    now = _names(after["orders.py"])
    assert {name: now.get(name) for name in earlier} == earlier
    for other in before.keys() - {"orders.py"}:
        assert after[other] == before[other]


def test_a_file_that_goes_takes_only_its_own_names(
    system: System, root: Path, orders: Path, shop: psycopg.Connection
) -> None:
    before = _names(_texts(system, root, shop)["orders.py"])
    (orders / "list_payloads.sql").unlink()

    after = _names(_texts(system, root, shop)["orders.py"])

    assert before.keys() - after.keys() == {"list_payloads", "ListPayloadsRow"}
    assert after.items() <= before.items()


def test_abort_beside_fail_changes_no_other_name_of_myloware(
    tmp_path: Path, myloware: psycopg.Connection
) -> None:
    folder = tmp_path / "sql" / "myloware"
    copytree(ROOT / "sql" / "myloware", folder)
    system = System("myloware", tmp_path / "none", folder, "NO_URL", "mylowarequeries")
    before = _texts(system, tmp_path, myloware)
    fail = (folder / "runs" / "fail.sql").read_text()
    (folder / "runs" / "abort.sql").write_text(fail.replace("-- row: RunState\n", ""))

    after = _texts(system, tmp_path, myloware)

    assert _names(after["runs.py"]).keys() - _names(before["runs.py"]).keys() == {
        "abort",
        "AbortRow",
    }
    assert _names(before["runs.py"]).items() <= _names(after["runs.py"]).items()
    for other in before.keys() - {"runs.py"}:
        assert after[other] == before[other]


def test_a_row_is_shared_over_subjects(
    system: System, root: Path, orders: Path, shop: psycopg.Connection
) -> None:
    (orders / "take.sql").write_text(
        "-- row: Named\n-- :many\nselect id, name from customers order by id;\n"
    )
    (system.sql / "people").mkdir()
    (system.sql / "people" / "take.sql").write_text(
        "-- row: Named\n-- :optional\nselect id, name from customers where id = :'id';\n"
    )

    texts = _texts(system, root, shop)

    assert "Named" in _names(texts["rows.py"])
    assert "from .rows import Named as Named" in texts["orders.py"]
    assert "-> list[Named]:" in texts["orders.py"]
    assert "-> Named | None:" in texts["people.py"]


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("select id, note as remark from orders", "column 'remark' stands where 'note' stands in"),
        ("select id::bigint as id, note from orders", "column 'id' is int8 here and int4 in"),
        ("select id, note, price from orders", "column 'price' is missing in"),
        ("select note, id from orders", "column 'note' stands where 'id' stands in"),
        (
            "select id, coalesce(note, '') as note from orders",
            "column 'note' is never null here and may be null in",
        ),
        (
            "select id, note::varchar as note from orders",
            "column 'note' is varchar here and text in",
        ),
    ],
)
def test_queries_that_share_a_row_must_agree(
    system: System, root: Path, shop: psycopg.Connection, statement: str, difference: str
) -> None:
    (system.sql / "orders" / "other.sql").write_text(f"-- row: Note\n-- :many\n{statement};\n")

    with pytest.raises(RowsDiffer) as refused:
        _texts(system, root, shop)

    assert difference in str(refused.value)
    assert "sql/shop/orders/other.sql" in str(refused.value)
    assert "sql/shop/orders/list_notes.sql" in str(refused.value)


def test_parts_of_a_shared_row_must_agree_too(
    system: System, root: Path, orders: Path, shop: psycopg.Connection
) -> None:
    for name, note in (("first", "note"), ("second", "coalesce(note, '')")):
        (orders / f"{name}.sql").write_text(
            "-- row: Bundle\n-- :many\nselect customer, json_agg(json_build_object("
            f"'id', id, 'note', {note})) as notes from orders group by customer;\n"
        )

    with pytest.raises(
        RowsDiffer, match=r"column 'notes\.\.note' is never null here and may be null in"
    ):
        _texts(system, root, shop)


def test_two_things_of_one_name_are_refused(
    system: System, root: Path, orders: Path, shop: psycopg.Connection
) -> None:
    (orders / "place.sql").write_text(
        "-- row: Place\n-- :many\nselect id, name from customers order by id;\n"
    )

    with pytest.raises(ClashingNames, match=r"'Place' in generated code"):
        _texts(system, root, shop)


def test_a_subject_called_rows_is_refused_where_rows_are_shared(
    system: System, root: Path, shop: psycopg.Connection
) -> None:
    (system.sql / "rows").mkdir()
    (system.sql / "rows" / "count.sql").write_text("-- :one\nselect count(*) as n from orders;\n")

    with pytest.raises(QueryError, match="'rows' in generated code"):
        _texts(system, root, shop)
