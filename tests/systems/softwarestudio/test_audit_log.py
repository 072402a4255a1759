"""The trail: every documented event, written by the work that causes it and lost with it."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from psycopg import Connection

from dbkit.systems.softwarestudio import (
    agent_executions,
    agent_settings,
    audit_log,
    prompt_versions,
    sessions,
)
from tests.queries_by_name import add

FROM = ip_address("192.0.2.7")
EVENTS = {
    "session_created",
    "session_approved",
    "session_rejected",
    "session_completed",
    "session_failed",
    "agent_started",
    "agent_completed",
    "settings_changed",
    "prompt_updated",
}


def live(database: Connection) -> None:
    """Do once what each of the nine events tells of."""
    prompt_versions.add(database, profile_name="eng", prompt_content="p", ip_address=FROM)
    agent_settings.change_model(
        database, profile_name="eng", provider="openai", model="o9", ip_address=FROM
    )
    for session_id in ("good", "bad"):
        sessions.add(database, session_id=session_id, user_mission="m", ip_address=FROM)
        sessions.start(database, session_id=session_id)
    execution = agent_executions.start(database, session_id="good", agent_type="pm")
    agent_executions.complete(database, id=execution, output_summary="prd")
    advance(database, "pm", "arch")
    sessions.reject(database, session_id="good", ip_address=FROM)
    advance(database, "arch")
    sessions.approve(database, session_id="good", user_action="looks right", ip_address=FROM)
    advance(database, "eng")
    sessions.pass_qa(database, session_id="good")
    sessions.fail(database, session_id="bad", error_message="e")


def advance(database: Connection, *phases: str) -> None:
    for phase in phases:
        sessions.advance(database, session_id="good", current_phase=phase)


def test_every_documented_event_is_recorded_by_what_causes_it(database: Connection) -> None:
    live(database)

    trail = audit_log.list_recent(database)
    assert {event.event_type for event in trail} == EVENTS


def test_what_a_person_does_is_told_with_the_address(database: Connection) -> None:
    live(database)

    trail = audit_log.list_recent(database)
    by_people = {event.event_type for event in trail if event.ip_address == FROM}
    assert by_people == {
        "session_created",
        "session_approved",
        "session_rejected",
        "settings_changed",
        "prompt_updated",
    }
    [approval] = audit_log.list_recent(database, event_type="session_approved")
    assert approval.user_action == "looks right"


def test_work_that_is_taken_back_leaves_no_event(database: Connection) -> None:
    with database.transaction(force_rollback=True):
        live(database)

    assert audit_log.list_recent(database) == []


def test_the_trail_is_read_by_session_and_kind_newest_first(database: Connection) -> None:
    live(database)

    of_bad = audit_log.list_recent(database, session_id="bad")
    first = audit_log.list_recent(
        database, session_id="good", event_type="session_created", max_events=1
    )

    assert [event.event_type for event in of_bad] == ["session_failed", "session_created"]
    assert [event.session_id for event in first] == ["good"]


def test_the_trail_of_a_period_is_streamed_oldest_first(database: Connection) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for hours in range(5):
        at = noon + timedelta(hours=hours)
        add(database, "audit_log", event_type="agent_started", session_id=f"{hours}", created_at=at)

    until = noon + timedelta(hours=4)
    with audit_log.stream_period(
        database, since=noon + timedelta(hours=1), until=until, portion=2
    ) as trail:
        streamed = [event.session_id for event in trail]

    assert streamed == ["1", "2", "3"]
