"""The state of a run is saved as it goes, and taken up again after a restart."""

from functools import partial

import pytest
from psycopg import Connection, errors

from dbkit.systems.myloware import orchestration_checkpoints as checkpoints
from dbkit.systems.myloware import runs
from tests.systems.myloware.conftest import Crowd


def test_a_run_is_resumed_where_it_was_saved(database: Connection, run: str) -> None:
    checkpoints.save(database, run_id=run, state={"node": "ideate"})
    saved = checkpoints.save(database, run_id=run, state={"node": "script", "clips": [1, 2]})
    database.commit()

    found = checkpoints.find(database, run_id=run)

    assert found is not None
    assert found.state == {"node": "script", "clips": [1, 2]}
    assert found.updated_at == saved


def test_a_run_without_a_checkpoint_has_none(database: Connection, run: str) -> None:
    assert checkpoints.find(database, run_id=run) is None


def test_a_checkpoint_is_of_a_run(database: Connection) -> None:
    with pytest.raises(errors.ForeignKeyViolation):
        checkpoints.save(database, run_id="nowhere", state={})


def test_a_save_from_what_was_read_is_kept(database: Connection, run: str) -> None:
    first = checkpoints.save(database, run_id=run, state={"step": 1})
    assert first is not None

    second = checkpoints.save(database, run_id=run, state={"step": 2}, read_at=first)

    assert second is not None
    assert second > first


def test_a_save_from_what_another_has_saved_over_is_refused(database: Connection, run: str) -> None:
    read = checkpoints.save(database, run_id=run, state={"step": 1})
    assert read is not None
    checkpoints.save(database, run_id=run, state={"step": "another's"})

    late = checkpoints.save(database, run_id=run, state={"step": "stale"}, read_at=read)

    found = checkpoints.find(database, run_id=run)
    assert late is None
    assert found is not None
    assert found.state == {"step": "another's"}


def test_of_two_orchestrators_that_resume_a_run_one_goes_on(
    database: Connection, run: str, crowd: Crowd
) -> None:
    read = checkpoints.save(database, run_id=run, state={"step": 1})
    assert read is not None
    database.commit()

    saves = crowd.at_once(
        *(
            partial(checkpoints.save, run_id=run, state={"by": number}, read_at=read)
            for number in range(4)
        )
    )

    found = checkpoints.find(database, run_id=run)
    [winner] = [number for number, saved in enumerate(saves) if saved is not None]
    assert found is not None
    assert found.state == {"by": winner}


def test_running_runs_are_resumable_and_those_at_a_gate_or_over_are_not(
    database: Connection,
) -> None:
    for run_id, status in (
        ("first", "running"),
        ("second", "running"),
        ("waiting", "pending_ideate"),
        ("over", "published"),
        ("bare", "running"),
    ):
        database.execute(
            "insert into runs (run_id, project, status) values (%s, 'aismr', %s)", [run_id, status]
        )
        if run_id != "bare":
            checkpoints.save(database, run_id=run_id, state={"of": run_id})
    checkpoints.save(database, run_id="first", state={"of": "first", "moved": True})

    with checkpoints.list_resumable(database) as resumable:
        found = [(one.run_id, one.project, one.state) for one in resumable]

    assert found == [
        ("second", "aismr", {"of": "second"}),
        ("first", "aismr", {"of": "first", "moved": True}),
    ]


def test_a_run_that_ends_is_not_resumed(database: Connection, run: str) -> None:
    checkpoints.save(database, run_id=run, state={})
    runs.finish(database, run_id=run, result={})

    with checkpoints.list_resumable(database) as resumable:
        assert list(resumable) == []
