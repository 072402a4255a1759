"""A thread's checkpoints are a tree, put idempotently and read latest first."""

import pytest
from psycopg import Connection
from psycopg.errors import CheckViolation, ForeignKeyViolation

from dbkit.runtime import OMITTED
from dbkit.systems.softwarestudio import checkpoints
from tests.systems.softwarestudio.crowd import Crowd


def put(
    database: Connection,
    checkpoint_id: str,
    parent: str | None = None,
    *,
    thread: str = "t",
    step: int = 0,
) -> checkpoints.PutRow:
    return checkpoints.put(
        database,
        thread_id=thread,
        checkpoint_id=checkpoint_id,
        parent_checkpoint_id=OMITTED if parent is None else parent,
        checkpoint_data={"step": step},
        metadata={"source": "loop" if step else "input"},
    )


@pytest.fixture
def tree(database: Connection) -> Connection:
    """A thread with a branch (a, b, c and from a also d), and one root in another thread."""
    put(database, "a")
    put(database, "b", "a", step=1)
    put(database, "c", "b", step=2)
    put(database, "d", "a", step=3)
    put(database, "x", thread="another")
    database.commit()
    return database


def test_a_thread_resumes_from_its_latest_checkpoint(tree: Connection) -> None:
    latest = checkpoints.find_latest(tree, thread_id="t")

    assert latest
    assert (latest.checkpoint_id, latest.parent_checkpoint_id) == ("d", "a")
    assert latest.checkpoint_data == {"step": 3}
    assert checkpoints.find_latest(tree, thread_id="unknown") is None


def test_a_checkpoint_put_twice_is_the_same_row_with_the_later_data(tree: Connection) -> None:
    first = checkpoints.find(tree, thread_id="t", checkpoint_id="b")

    again = put(tree, "b", "a", step=7)

    kept = checkpoints.find(tree, thread_id="t", checkpoint_id="b")
    assert first
    assert kept
    assert (again.id, again.created_at) == (first.id, first.created_at)
    assert kept.checkpoint_data == {"step": 7}
    assert ids(tree) == ["d", "c", "b", "a"]


def ids(database: Connection) -> list[str]:
    listed = checkpoints.list_for_thread(database, thread_id="t")
    return [checkpoint.checkpoint_id for checkpoint in listed]


def test_many_who_put_one_checkpoint_at_once_get_one_row(
    database: Connection, crowd: Crowd
) -> None:
    rows = crowd.of(10, lambda connection, number: put(connection, "a", step=number).id)

    assert len(set(rows)) == 1
    assert ids(database) == ["a"]


def test_put_again_without_a_parent_a_checkpoint_keeps_its_own(tree: Connection) -> None:
    put(tree, "b", step=8)

    kept = checkpoints.find(tree, thread_id="t", checkpoint_id="b")
    assert kept
    assert kept.parent_checkpoint_id == "a"


def test_a_parent_of_another_thread_is_refused(tree: Connection) -> None:
    with pytest.raises(ForeignKeyViolation, match="checkpoints_parent_fkey"):
        put(tree, "e", "x")


def test_a_parent_that_is_not_there_is_refused(tree: Connection) -> None:
    with pytest.raises(ForeignKeyViolation, match="checkpoints_parent_fkey"):
        put(tree, "e", "unknown")


def test_a_checkpoint_is_not_its_own_parent(tree: Connection) -> None:
    with pytest.raises(CheckViolation, match="checkpoints_parent_check"):
        put(tree, "e", "e")


@pytest.mark.parametrize(("moved", "parent"), [("c", "a"), ("a", "c")])
def test_a_checkpoint_cannot_be_moved(tree: Connection, moved: str, parent: str) -> None:
    with pytest.raises(CheckViolation, match=f"checkpoint {moved} of thread t comes after"):
        put(tree, moved, parent)


def test_checkpoints_come_latest_first_and_a_page_at_a_time(tree: Connection) -> None:
    page = checkpoints.list_for_thread(tree, thread_id="t", max_checkpoints=2)
    rest = checkpoints.list_for_thread(tree, thread_id="t", before=page[-1].checkpoint_id)

    assert [checkpoint.checkpoint_id for checkpoint in page] == ["d", "c"]
    assert [checkpoint.checkpoint_id for checkpoint in rest] == ["b", "a"]


def test_before_an_unknown_checkpoint_there_is_none(tree: Connection) -> None:
    assert checkpoints.list_for_thread(tree, thread_id="t", before="x") == []


def test_checkpoints_are_found_by_what_their_metadata_hold(tree: Connection) -> None:
    listed = checkpoints.list_for_thread(tree, thread_id="t", metadata={"source": "input"})

    assert [checkpoint.checkpoint_id for checkpoint in listed] == ["a"]


def test_what_led_to_a_checkpoint_comes_parent_first(tree: Connection) -> None:
    ancestors = checkpoints.list_ancestors(tree, thread_id="t", checkpoint_id="c")
    nearest = checkpoints.list_ancestors(tree, thread_id="t", checkpoint_id="c", max_ancestors=1)

    assert [(one.distance, one.checkpoint_id) for one in ancestors] == [(1, "b"), (2, "a")]
    assert [one.checkpoint_id for one in nearest] == ["b"]
    assert checkpoints.list_ancestors(tree, thread_id="t", checkpoint_id="a") == []


def test_where_the_work_branched_there_are_several_children(tree: Connection) -> None:
    children = checkpoints.list_children(tree, thread_id="t", checkpoint_id="a")

    assert [child.checkpoint_id for child in children] == ["d", "b"]


def test_the_children_of_a_checkpoint_that_is_cleared_become_roots(tree: Connection) -> None:
    tree.execute("delete from checkpoints where checkpoint_id = 'a'")

    left = checkpoints.list_for_thread(tree, thread_id="t")

    assert [(one.checkpoint_id, one.parent_checkpoint_id) for one in left] == [
        ("d", None),
        ("c", "b"),
        ("b", None),
    ]


def test_a_thread_is_removed_alone(tree: Connection) -> None:
    removed = checkpoints.remove_thread(tree, thread_id="t")

    assert removed == 4
    assert checkpoints.find(tree, thread_id="another", checkpoint_id="x")
