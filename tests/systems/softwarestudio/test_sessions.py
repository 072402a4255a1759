"""Sessions go through their documented phases, and the database refuses every other step."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import product

import pytest
from psycopg import Connection
from psycopg.errors import CheckViolation, UniqueViolation

from dbkit.systems.softwarestudio import audit_log, sessions
from tests.queries_by_name import add
from tests.systems.softwarestudio.crowd import Crowd

STATUSES = ("pending", "running", "awaiting_approval", "completed", "failed", "expired")
PHASES = ("pm", "arch", "human_gate", "eng", "qa", "complete")
ACTIVE = STATUSES[:3]
STEPS = {
    ("pending", "pm", "running", "pm"),
    ("running", "pm", "running", "arch"),
    ("running", "arch", "awaiting_approval", "human_gate"),
    ("awaiting_approval", "human_gate", "running", "pm"),
    ("awaiting_approval", "human_gate", "running", "arch"),
    ("awaiting_approval", "human_gate", "running", "eng"),
    ("running", "eng", "running", "qa"),
    ("running", "qa", "running", "eng"),
    ("running", "qa", "completed", "complete"),
    *((status, phase, "failed", phase) for status in ACTIVE for phase in PHASES),
    *((status, phase, "expired", phase) for status in ACTIVE for phase in PHASES),
}
# what leads to a phase, one function after the other
WAY: tuple[tuple[str, Callable[[Connection, str], sessions.SessionState | None]], ...] = (
    ("pm", lambda database, id_: sessions.start(database, session_id=id_)),
    ("arch", lambda database, id_: advance(database, id_, "pm")),
    ("human_gate", lambda database, id_: advance(database, id_, "arch")),
    ("eng", lambda database, id_: sessions.approve(database, session_id=id_)),
    ("qa", lambda database, id_: advance(database, id_, "eng")),
    ("complete", lambda database, id_: sessions.pass_qa(database, session_id=id_)),
)


def advance(database: Connection, session_id: str, phase: str) -> sessions.SessionState | None:
    return sessions.advance(database, session_id=session_id, current_phase=phase)


def bring(database: Connection, session_id: str, phase: str) -> None:
    for reached, step in WAY:
        step(database, session_id)
        if reached == phase:
            break
    database.commit()


def found(database: Connection, session_id: str) -> sessions.FindRow:
    session = sessions.find(database, session_id=session_id)
    assert session
    return session


def events(database: Connection) -> list[str]:
    return [event.event_type for event in audit_log.list_recent(database)]


def test_a_session_goes_through_its_phases_until_it_is_complete(
    database: Connection, session: str
) -> None:
    taken = [step(database, session) for _, step in WAY]

    assert [(step.status, step.current_phase) for step in taken if step] == [
        ("running", "pm"),
        ("running", "arch"),
        ("awaiting_approval", "human_gate"),
        ("running", "eng"),
        ("running", "qa"),
        ("completed", "complete"),
    ]
    assert found(database, session).qa_passed
    assert events(database) == ["session_completed", "session_approved", "session_created"]


def test_qa_sends_a_session_back_for_one_iteration_more(database: Connection, session: str) -> None:
    bring(database, session, "qa")

    for _ in range(2):
        sessions.send_back(database, session_id=session)
        advance(database, session, "eng")
    completed = sessions.pass_qa(database, session_id=session)

    assert completed
    assert completed.iteration_count == 2


@pytest.mark.parametrize("back_to", ["arch", "pm"])
def test_a_rejected_session_is_worked_on_again(
    database: Connection, session: str, back_to: str
) -> None:
    bring(database, session, "human_gate")

    rejected = sessions.reject(
        database, session_id=session, back_to=back_to, details={"why": "no alarm"}
    )

    assert rejected
    assert (rejected.status, rejected.current_phase) == ("running", back_to)
    [event, *_] = audit_log.list_recent(database)
    assert event.event_type == "session_rejected"
    assert event.details == {"why": "no alarm", "back_to": back_to}


def test_a_rejection_cannot_lead_on(database: Connection, session: str) -> None:
    bring(database, session, "human_gate")

    with pytest.raises(CheckViolation, match="cannot go"):
        sessions.reject(database, session_id=session, back_to="qa")


def test_of_several_who_decide_at_once_one_wins(
    database: Connection, session: str, crowd: Crowd
) -> None:
    bring(database, session, "human_gate")

    def decide(connection: Connection, number: int) -> sessions.SessionState | None:
        decision = sessions.reject if number % 2 else sessions.approve
        return decision(connection, session_id=session)

    decided = crowd.of(8, decide)

    [won] = [decision for decision in decided if decision]
    event = "session_approved" if won.current_phase == "eng" else "session_rejected"
    assert events(database) == [event, "session_created"]


def test_of_several_workers_one_starts_a_session(session: str, crowd: Crowd) -> None:
    started = crowd.of(8, lambda connection, _: sessions.start(connection, session_id=session))

    assert sum(one is not None for one in started) == 1


def test_of_several_workers_one_takes_a_session_on(
    database: Connection, session: str, crowd: Crowd
) -> None:
    bring(database, session, "pm")

    taken = crowd.of(8, lambda connection, _: advance(connection, session, "pm"))

    assert sum(one is not None for one in taken) == 1
    assert found(database, session).current_phase == "arch"


def test_every_step_that_is_not_documented_is_refused_by_the_database(
    database: Connection,
) -> None:
    for status, phase in product(STATUSES, PHASES):
        add_in(database, status, phase)
    steps = [step for step in product(STATUSES, PHASES, STATUSES, PHASES) if step[:2] != step[2:]]

    refusals = {step: refusal(database, step) for step in steps}

    assert {step for step, constraint in refusals.items() if constraint is None} == STEPS
    assert set(refusals.values()) == {None, "sessions_step"}


def add_in(database: Connection, status: str, phase: str) -> None:
    state = {"status": status, "current_phase": phase}
    add(database, "sessions", session_id=f"{status} {phase}", user_mission="m", **state)


def refusal(database: Connection, step: tuple[str, ...]) -> str | None:
    status, phase, next_status, next_phase = step
    try:
        with database.transaction(force_rollback=True):
            database.execute(
                "update sessions set status = %s, current_phase = %s, qa_passed = %s,"
                " iteration_count = iteration_count + %s where session_id = %s",
                [
                    *(next_status, next_phase, (phase, next_phase) == ("qa", "complete")),
                    *(int((phase, next_phase) == ("qa", "eng")), f"{status} {phase}"),
                ],
            )
    except CheckViolation as error:
        return error.diag.constraint_name
    return None


def test_the_refusal_of_a_step_tells_from_where_to_where(
    database: Connection, session: str
) -> None:
    with pytest.raises(
        CheckViolation,
        match="session s1 cannot go from pending in pm to running in arch",
    ) as raised:
        advance(database, session, "pm")

    assert "while running sessions.advance" in raised.value.__notes__[0]


@pytest.mark.parametrize("phase", ["human_gate", "qa", "complete"])
def test_where_a_decision_is_due_nobody_just_goes_on(
    database: Connection, session: str, phase: str
) -> None:
    bring(database, session, phase)

    with pytest.raises(CheckViolation, match="cannot go"):
        advance(database, session, phase)


@pytest.mark.parametrize(
    "change", ["iteration_count = 5", "qa_passed = true", "iteration_count = 1, qa_passed = true"]
)
@pytest.mark.usefixtures("session")
def test_iterations_and_the_verdict_change_with_a_step_alone(
    database: Connection, change: str
) -> None:
    with pytest.raises(CheckViolation, match="has iteration_count 0 and qa_passed f, not"):
        database.execute(f"update sessions set {change}".encode())


def test_a_session_cannot_complete_without_having_passed(
    database: Connection, session: str
) -> None:
    bring(database, session, "qa")

    with pytest.raises(CheckViolation, match="has iteration_count 0 and qa_passed t, not 0 and f"):
        database.execute("update sessions set status = 'completed', current_phase = 'complete'")


def test_a_step_from_a_phase_that_is_past_is_none(database: Connection, session: str) -> None:
    bring(database, session, "eng")

    assert advance(database, session, "pm") is None
    assert sessions.start(database, session_id=session) is None
    assert sessions.approve(database, session_id=session) is None
    assert sessions.reject(database, session_id=session) is None
    assert sessions.pass_qa(database, session_id=session) is None
    assert sessions.send_back(database, session_id=session) is None


def test_a_session_that_fails_keeps_its_phase_and_tells_its_error(
    database: Connection, session: str
) -> None:
    bring(database, session, "arch")

    failed = sessions.fail(database, session_id=session, error_message="no more tokens")
    again = sessions.fail(database, session_id=session, error_message="another error")

    assert failed
    assert (failed.status, failed.current_phase) == ("failed", "arch")
    assert again is None
    [event, _] = audit_log.list_recent(database)
    assert event.event_type == "session_failed"
    assert event.details == {"current_phase": "arch", "error": "no more tokens"}


def test_what_is_known_of_a_session_from_the_start_is_kept(database: Connection) -> None:
    sessions.add(
        database,
        session_id="full",
        user_mission="Build a clock",
        project_name="clocks",
        work_dir="clocks/first",
        metadata={"asked by": "Ada"},
        ip_address=ip_address("2001:db8::1"),
    )

    session = found(database, "full")
    assert (session.status, session.current_phase) == ("pending", "pm")
    assert (session.project_name, session.work_dir) == ("clocks", "clocks/first")
    assert session.metadata == {"asked by": "Ada"}
    assert session.state_json is None
    [event] = audit_log.list_recent(database)
    assert event.ip_address == ip_address("2001:db8::1")
    assert event.user_action == "create"


def test_a_session_of_a_known_id_is_refused_and_leaves_no_event(
    database: Connection, session: str
) -> None:
    with pytest.raises(UniqueViolation, match="sessions_pkey"), database.transaction():
        sessions.add(database, session_id=session, user_mission="Build another")

    assert events(database) == ["session_created"]


def test_the_state_of_a_session_is_saved_whole(database: Connection, session: str) -> None:
    sessions.change_state(database, session_id=session, state_json={"messages": [1], "old": 1})
    before = found(database, session)
    database.commit()

    sessions.change_state(database, session_id=session, state_json={"messages": [1, 2]})

    after = found(database, session)
    assert after.state_json == {"messages": [1, 2]}
    assert after.updated_at > before.updated_at


def test_sessions_are_found_by_project_status_and_phase_in_either_order(
    database: Connection,
) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for number, (project, status) in enumerate(
        [("clocks", "running"), ("clocks", "failed"), ("books", "running")]
    ):
        times = {
            "created_at": noon + timedelta(hours=number),
            "updated_at": noon - timedelta(hours=number),
        }
        row = {"user_mission": "m", "project_name": project, "status": status}
        add(database, "sessions", session_id=str(number), **row, **times)

    def ids(listed: list[sessions.Session]) -> str:
        return "".join(session.session_id for session in listed)

    assert ids(sessions.list_recent(database)) == "012"
    assert ids(sessions.list_recent(database, sort="created_at")) == "210"
    assert ids(sessions.list_recent(database, sort="created_at", max_sessions=2)) == "21"
    assert ids(sessions.list_recent(database, project_name="clocks")) == "01"
    assert ids(sessions.list_recent(database, project_name="clocks", status="failed")) == "1"
    assert ids(sessions.list_recent(database, current_phase="qa")) == ""


def test_the_trail_of_a_session_that_is_removed_stays(database: Connection, session: str) -> None:
    removed = sessions.remove(database, session_id=session)

    assert removed == 1
    assert sessions.find(database, session_id=session) is None
    assert events(database) == ["session_created"]
