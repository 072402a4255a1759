"""Sessions opened, renewed once for each token, and revoked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from dbkit.systems.mrwa import retention, sessions
from dbkit.systems.mrwa.session_renewal import (
    Device,
    OpenedSession,
    RefusedRenewal,
    open_session,
    renew_session,
)
from dbkit.systems.mrwa.tokens import digest

Connect = Callable[..., Connection]
MIGRATIONS = Path(__file__).parents[3] / "migrations" / "mrwa"
NO_LEEWAY = timedelta(0)
PHONE = Device(
    {"device_type": "mobile", "browser": "Firefox", "os": "Android", "platform": "app"},
    ip_address("192.0.2.1"),
    "Firefox/150",
)


@pytest.fixture
def first(database: Connection, ada: UUID) -> OpenedSession:
    """A session of Ada's on her phone."""
    opened = open_session(database, user_id=ada, device=PHONE)
    database.commit()
    return opened


@pytest.fixture
def second(database: Connection, first: OpenedSession) -> OpenedSession:
    """The session that came of the first."""
    return renewed(database, first)


def renewed(connection: Connection, opened: OpenedSession) -> OpenedSession:
    answer = renew_session(connection, refresh_token=opened.refresh_token)
    connection.commit()
    assert isinstance(answer, OpenedSession)
    return answer


def is_live(connection: Connection, opened: OpenedSession) -> bool:
    token = digest(opened.refresh_token)
    return sessions.find_by_token(connection, refresh_token=token) is not None


def test_the_database_knows_the_sha256_of_a_token_and_not_the_token(
    database: Connection, first: OpenedSession
) -> None:
    [(stored, whole)] = database.execute("select refresh_token, sessions::text from sessions")

    assert stored == digest(first.refresh_token)
    assert len(stored) == 64
    assert first.refresh_token not in whole
    assert len(first.refresh_token) == 43


def test_a_session_knows_its_device(database: Connection, ada: UUID, first: OpenedSession) -> None:
    [session] = sessions.list_for_user(database, user_id=ada)

    assert (session.id, session.user_agent) == (first.session_id, "Firefox/150")
    assert session.ip_address == ip_address("192.0.2.1")
    assert (session.device_info.device_type, session.device_info.platform) == ("mobile", "app")
    assert session.expires_at == session.created_at + timedelta(days=30)


def test_a_session_may_be_one_that_never_expires(
    database: Connection, ada: UUID, first: OpenedSession
) -> None:
    database.execute("update sessions set expires_at = 'infinity'")

    [listed] = sessions.list_for_user(database, user_id=ada)
    found = sessions.find_by_token(database, refresh_token=digest(first.refresh_token))

    assert found is not None
    assert listed.expires_at == found.expires_at == "infinity"


def test_the_device_used_last_comes_first(
    database: Connection, ada: UUID, first: OpenedSession
) -> None:
    other = open_session(database, user_id=ada)
    database.commit()

    touched = sessions.change_last_used(
        database, session_id=first.session_id, ip_address=None, user_agent="Firefox/151"
    )

    listed = sessions.list_for_user(database, user_id=ada)
    assert touched == 1
    assert [session.id for session in listed] == [first.session_id, other.session_id]
    assert (listed[0].user_agent, listed[0].ip_address) == (
        "Firefox/151",
        ip_address("192.0.2.1"),
    )


def test_renewing_revokes_the_old_session_and_makes_one_of_the_same_family(
    database: Connection, first: OpenedSession
) -> None:
    elsewhere = Device(ip_address=ip_address("2001:db8::1"))

    answer = renew_session(database, refresh_token=first.refresh_token, device=elsewhere)

    assert isinstance(answer, OpenedSession)
    assert answer.refresh_token != first.refresh_token
    rows = database.execute(
        """
        select id, revoked, revoked_at = now(), last_used_at = now(), device_info ->> 'os',
            user_agent, host(ip_address), count(*) over (partition by family_id)
        from sessions
        order by revoked desc
        """
    ).fetchall()
    same = ("Android", "Firefox/150")
    assert rows == [
        (first.session_id, True, True, True, *same, "192.0.2.1", 2),
        (answer.session_id, False, None, True, *same, "2001:db8::1", 2),
    ]


def test_a_token_used_again_revokes_its_family_and_no_other(
    database: Connection, ada: UUID, first: OpenedSession, second: OpenedSession
) -> None:
    third, tablet = renewed(database, second), open_session(database, user_id=ada)

    answer = renew_session(database, refresh_token=first.refresh_token, leeway=NO_LEEWAY)

    assert answer == RefusedRenewal("reused", ada)
    assert not is_live(database, third)
    assert is_live(database, tablet)
    assert renew_session(
        database, refresh_token=third.refresh_token, leeway=NO_LEEWAY
    ) == RefusedRenewal("reused", ada)


def test_a_client_that_asks_twice_in_a_moment_is_refused_and_stays_logged_in(
    database: Connection, ada: UUID, first: OpenedSession, second: OpenedSession
) -> None:
    answer = renew_session(database, refresh_token=first.refresh_token)

    assert answer == RefusedRenewal("late", ada)
    assert is_live(database, second)


def test_a_token_that_was_revoked_by_hand_counts_as_stolen(
    database: Connection, ada: UUID, first: OpenedSession, second: OpenedSession
) -> None:
    database.execute("update sessions set revoked_at = null")

    assert renew_session(database, refresh_token=first.refresh_token) == RefusedRenewal(
        "reused", ada
    )
    assert not is_live(database, second)


def test_an_unknown_token_is_refused(database: Connection) -> None:
    answer = renew_session(database, refresh_token="guessed")  # noqa: S106 - of a test

    assert answer == RefusedRenewal("unknown", None)


def test_an_expired_session_is_refused_and_stays_as_it_was(database: Connection, ada: UUID) -> None:
    old = open_session(database, user_id=ada, lifetime=timedelta(0))

    answer = renew_session(database, refresh_token=old.refresh_token)

    assert answer == RefusedRenewal("expired", ada)
    assert not is_live(database, old)
    assert database.execute("select revoked from sessions").fetchall() == [(False,)]


def test_of_many_renewals_at_once_one_wins_and_its_session_lives(
    database: Connection, connect: Connect, first: OpenedSession
) -> None:
    together = Barrier(8)

    def renew(connection: Connection) -> OpenedSession | RefusedRenewal:
        together.wait()
        return renew_session(connection, refresh_token=first.refresh_token)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(renew, [connect() for _ in range(8)]))

    [winner] = [answer for answer in answers if isinstance(answer, OpenedSession)]
    assert {answer.reason for answer in answers if isinstance(answer, RefusedRenewal)} == {"late"}
    assert is_live(database, winner)
    assert database.execute("select count(*) from sessions").fetchall() == [(2,)]


def test_a_session_made_while_its_family_is_revoked_is_revoked_too(
    database: Connection,
    connect: Connect,
    wait_until_blocked: Callable[[], None],
    first: OpenedSession,
    second: OpenedSession,
) -> None:
    thief = connect()
    third = renew_session(database, refresh_token=second.refresh_token)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(
            renew_session, thief, refresh_token=first.refresh_token, leeway=NO_LEEWAY
        )
        wait_until_blocked()
        database.commit()

        assert answer.result() == RefusedRenewal("reused", first.user_id)

    assert isinstance(third, OpenedSession)
    assert not is_live(database, third)


def test_a_session_made_while_all_are_revoked_is_revoked_too(
    database: Connection,
    connect: Connect,
    wait_until_blocked: Callable[[], None],
    ada: UUID,
    first: OpenedSession,
) -> None:
    other = connect()
    second = renew_session(database, refresh_token=first.refresh_token)
    with ThreadPoolExecutor(1) as pool:
        revoked = pool.submit(sessions.revoke_all, other, user_id=ada)
        wait_until_blocked()
        database.commit()

        assert revoked.result() == 1

    assert isinstance(second, OpenedSession)
    assert not is_live(database, second)


def test_a_device_is_logged_out_by_any_session_it_had(
    database: Connection, ada: UUID, first: OpenedSession, second: OpenedSession
) -> None:
    tablet = open_session(database, user_id=ada)

    assert sessions.revoke(database, user_id=ada, session_id=first.session_id) == 1

    assert not is_live(database, second)
    assert is_live(database, tablet)


def test_a_user_revokes_no_session_of_another(
    database: Connection, bob: UUID, first: OpenedSession
) -> None:
    assert sessions.revoke(database, user_id=bob, session_id=first.session_id) == 0
    assert sessions.revoke(database, user_id=bob, session_id=uuid4()) == 0
    assert sessions.revoke_all(database, user_id=bob) == 0

    assert is_live(database, first)


def test_a_revoked_session_is_not_used_any_more(
    database: Connection, ada: UUID, first: OpenedSession
) -> None:
    sessions.revoke_all(database, user_id=ada)

    touched = sessions.change_last_used(
        database, session_id=first.session_id, ip_address=None, user_agent=None
    )

    assert touched == 0
    assert sessions.list_for_user(database, user_id=ada) == []


def test_an_old_session_is_kept_for_seven_days_after_it_was_revoked(
    database: Connection, first: OpenedSession, second: OpenedSession
) -> None:
    database.execute("update sessions set created_at = now() - interval '30 days'")

    assert retention.remove_revoked_sessions(database) == 0
    answer = renew_session(database, refresh_token=first.refresh_token, leeway=NO_LEEWAY)
    assert answer == RefusedRenewal("reused", first.user_id)
    assert not is_live(database, second)

    database.execute("update sessions set revoked_at = now() - interval '8 days'")
    assert retention.remove_revoked_sessions(database) == 2


def test_a_session_from_before_there_were_families_is_one_by_itself(
    database: Connection, first: OpenedSession, second: OpenedSession
) -> None:
    for name in ("0014_index_retention", "0010_require_session_families"):
        database.execute((MIGRATIONS / f"{name}.rollback.sql").read_bytes())
    database.execute((MIGRATIONS / "0009_add_session_families.rollback.sql").read_bytes())

    for name in ("0009_add_session_families", "0010_require_session_families"):
        database.execute((MIGRATIONS / f"{name}.sql").read_bytes())

    rows = database.execute("select id, revoked_at from sessions where family_id = id").fetchall()
    assert set(rows) == {(first.session_id, None), (second.session_id, None)}
