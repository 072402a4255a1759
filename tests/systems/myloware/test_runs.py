"""A run from request to result."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import Connection, errors

from dbkit.systems.myloware import hitl_approvals, runs
from tests.systems.myloware.conftest import Crowd


@pytest.fixture
def requested(database: Connection) -> str:
    """A run that nobody has approved or started yet."""
    added = runs.add(database, run_id="asked", project="aismr", payload={"idea": "candles"})
    return added.run_id


def test_a_request_becomes_a_result(database: Connection, requested: str) -> None:
    started = runs.start(database, run_id=requested)
    finished = runs.finish(database, run_id=requested, result={"url": "https://example.org/1"})

    run = runs.find(database, run_id=requested)
    assert run is not None
    assert started is not None
    assert finished is not None
    assert (started.status, finished.status, run.status) == ("running", "published", "published")
    assert (run.project, run.payload) == ("aismr", {"idea": "candles"})
    assert run.result == {"url": "https://example.org/1"}
    assert run.created_at < started.updated_at < run.updated_at == finished.updated_at


def test_a_run_waits_for_its_workflow_first(database: Connection) -> None:
    added = runs.add(database, run_id="asked", project="aismr", payload=None)

    assert added.status == "pending_workflow"


def test_a_run_id_is_taken_once(database: Connection, requested: str) -> None:
    with pytest.raises(errors.UniqueViolation, match="runs_pkey"):
        runs.add(database, run_id=requested, project="aismr", payload=None)


def test_a_run_that_is_not_there_is_none(database: Connection) -> None:
    assert runs.find(database, run_id="nowhere") is None
    assert runs.start(database, run_id="nowhere") is None


def test_a_run_is_started_once(database: Connection, requested: str) -> None:
    first = runs.start(database, run_id=requested)
    second = runs.start(database, run_id=requested)

    assert first is not None
    assert second is None


def test_a_run_that_was_not_started_does_not_finish(database: Connection, requested: str) -> None:
    assert runs.finish(database, run_id=requested, result={}) is None


@pytest.mark.parametrize("gate", ["workflow", "ideate", "prepublish"])
def test_a_run_at_a_gate_cannot_slip_past_it(database: Connection, run: str, gate: str) -> None:
    waiting = runs.wait(database, run_id=run, gate=gate)

    finished = runs.finish(database, run_id=run, result={})

    assert waiting is not None
    assert waiting.status == f"pending_{gate}"
    assert finished is None


def test_a_run_does_not_wait_at_a_gate_that_is_none(database: Connection, run: str) -> None:
    assert runs.wait(database, run_id=run, gate="back") is None

    found = runs.find(database, run_id=run)
    assert found is not None
    assert found.status == "running"


def test_a_failed_run_says_why_and_can_fail_at_a_gate(database: Connection, run: str) -> None:
    runs.wait(database, run_id=run, gate="ideate")

    failed = runs.fail(database, run_id=run, result={"error": "the idea was refused"})

    found = runs.find(database, run_id=run)
    assert failed is not None
    assert found is not None
    assert (found.status, found.result) == ("failed", {"error": "the idea was refused"})


def test_what_is_over_stays_as_it_is(database: Connection, run: str) -> None:
    runs.finish(database, run_id=run, result={"url": "1"})

    again = [
        runs.fail(database, run_id=run, result={"error": "late"}),
        runs.finish(database, run_id=run, result={"url": "2"}),
        runs.start(database, run_id=run),
        runs.wait(database, run_id=run, gate="prepublish"),
    ]

    found = runs.find(database, run_id=run)
    assert again == [None] * 4
    assert found is not None
    assert (found.status, found.result) == ("published", {"url": "1"})


def test_the_longest_waiting_run_comes_first_or_the_oldest(database: Connection) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for run_id, status, created, updated in (
        ("young", "pending_ideate", 2, 3),
        ("old", "pending_ideate", 1, 4),
        ("elsewhere", "pending_prepublish", 0, 5),
        ("busy", "running", 0, 0),
        ("odd", "pending_else", 0, 0),
    ):
        database.execute(
            "insert into runs (run_id, project, status, created_at, updated_at)"
            " values (%s, 'aismr', %s, %s, %s)",
            [run_id, status, noon + timedelta(hours=created), noon + timedelta(hours=updated)],
        )

    at_any = runs.list_waiting(database)
    at_one = runs.list_waiting(database, gate="ideate")
    by_age = runs.list_waiting(database, sort="created_at", max_runs=2)

    assert [(one.run_id, one.gate) for one in at_any] == [
        ("young", "ideate"),
        ("old", "ideate"),
        ("elsewhere", "prepublish"),
    ]
    assert [one.run_id for one in at_one] == ["young", "old"]
    assert [one.run_id for one in by_age] == ["elsewhere", "old"]


def test_updated_at_moves_whoever_writes(database: Connection, run: str) -> None:
    before = runs.find(database, run_id=run)
    assert before is not None

    moved = [
        database.execute(
            "update runs set payload = '{}', updated_at = '2001-01-01' returning updated_at"
        ).fetchone()
        for _ in range(3)
    ]

    times = [before.updated_at, *(row[0] for row in moved if row)]
    assert times == sorted({*times})
    assert len(times) == 4


def test_updated_at_does_not_go_back_with_the_clock(database: Connection) -> None:
    database.execute(
        "insert into runs (run_id, project, status, updated_at)"
        " values ('ahead', 'aismr', 'running', now() + interval '1 hour')"
    )

    [(has_moved,)] = database.execute(
        "update runs set status = 'failed' returning updated_at > now() + interval '1 hour'"
    )

    assert has_moved


def test_a_gate_is_opened_by_a_person_and_the_run_goes_on(database: Connection, run: str) -> None:
    runs.wait(database, run_id=run, gate="prepublish")

    approval = hitl_approvals.add(
        database, run_id=run, gate="prepublish", approver="ada", approver_ip="10.0.0.1"
    )

    found = runs.find(database, run_id=run)
    assert approval is not None
    assert (approval.run_id, approval.gate, approval.approver) == (run, "prepublish", "ada")
    assert found is not None
    assert found.status == "running"


STEPS = {
    "pending_workflow": {"running", "failed"},
    "running": {"pending_workflow", "pending_ideate", "pending_prepublish", "published", "failed"},
    "pending_ideate": {"running", "failed"},
    "pending_prepublish": {"running", "failed"},
    "published": set[str](),
    "failed": set[str](),
}


@pytest.mark.parametrize("status", STEPS)
def test_a_run_takes_legal_steps_alone_whoever_writes(database: Connection, status: str) -> None:
    taken: set[str] = set()
    for following in (*STEPS, "runing", "rendering"):
        with suppress(errors.CheckViolation), database.transaction(force_rollback=True):
            database.execute(
                "insert into runs (run_id, project, status) values ('1', 'aismr', %s)", [status]
            )
            database.execute("update runs set status = %s", [following])
            taken.add(following)

    # what it is already is no step
    assert taken == STEPS[status] | {status}


def test_on_a_status_that_is_not_documented_anything_may_follow(database: Connection) -> None:
    database.execute(
        "insert into runs (run_id, project, status) values ('1', 'aismr', 'rendering')"
    )

    database.execute("update runs set status = 'uploading'")
    database.execute("update runs set status = 'running'")

    assert runs.finish(database, run_id="1", result={}) is not None


def test_an_application_adds_a_step_of_its_own(database: Connection, run: str) -> None:
    database.execute(
        "update run_statuses set next_statuses = next_statuses || '{rendering}'"
        " where status = 'running'"
    )

    database.execute("update runs set status = 'rendering' where run_id = %s", [run])

    [(status,)] = database.execute("select status from runs")
    assert status == "rendering"


def test_a_step_that_is_refused_says_which_may_follow(database: Connection, run: str) -> None:
    with pytest.raises(errors.CheckViolation) as refusal:
        database.execute("update runs set status = 'runing' where run_id = %s", [run])

    assert refusal.value.diag.constraint_name == "runs_legal_step"
    assert refusal.value.diag.message_primary == "run run_1 is running and cannot become runing"
    assert refusal.value.diag.message_hint == (
        "What may follow is in run_statuses: "
        "pending_workflow, pending_ideate, pending_prepublish, published, failed."
    )


def fail(connection: Connection, run_id: str, why: str) -> None:
    [claimed] = runs.claim(connection, worker="a")
    runs.fail(connection, run_id=run_id, result={"error": why}, lease_id=claimed.lease_id)
    connection.commit()


def test_a_failed_run_is_resumed_by_a_person_with_all_its_attempts(
    database: Connection, run: str
) -> None:
    fail(database, run, "no answer")
    first = runs.resume(database, run_id=run, resumed_by="ada", reason="their server is back")
    database.commit()
    fail(database, run, "no answer again")

    second = runs.resume(database, run_id=run, resumed_by="bob")
    database.commit()

    [claimed] = runs.claim(database, worker="b")
    assert first is not None
    assert second is not None
    assert (first.status, first.resumptions, second.resumptions) == ("running", 1, 2)
    assert (claimed.run_id, claimed.attempt) == (run, 1)
    found = runs.find(database, run_id=run)
    assert found is not None
    assert found.result is None
    recorded = database.execute(
        "select number, resumed_by, reason, result ->> 'error' from run_resumptions order by number"
    ).fetchall()
    assert recorded == [
        (1, "ada", "their server is back", "no answer"),
        (2, "bob", None, "no answer again"),
    ]


def test_what_has_not_failed_is_not_resumed(database: Connection, run: str) -> None:
    running = runs.resume(database, run_id=run, resumed_by="ada")
    runs.finish(database, run_id=run, result={})
    published = runs.resume(database, run_id=run, resumed_by="ada")

    assert (running, published) == (None, None)
    assert database.execute("select from run_resumptions").rowcount == 0


def test_an_old_resumption_lets_no_other_transaction_run_what_failed_again(
    database: Connection, run: str
) -> None:
    fail(database, run, "no answer")
    runs.resume(database, run_id=run, resumed_by="ada")
    database.commit()
    fail(database, run, "no answer")

    with pytest.raises(errors.CheckViolation, match="is failed and cannot become running"):
        database.execute("update runs set status = 'running'")


def test_of_two_who_resume_a_run_one_does(database: Connection, run: str, crowd: Crowd) -> None:
    fail(database, run, "no answer")

    def resume(connection: Connection) -> int:
        resumed = runs.resume(connection, run_id=run, resumed_by="ada")
        connection.commit()
        return int(resumed is not None)

    assert sum(crowd.at_once(*[resume] * 4)) == 1
