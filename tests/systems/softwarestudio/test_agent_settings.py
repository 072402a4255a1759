"""Profiles are changed, with an event each, and charged for what they use of their day."""

from ipaddress import ip_address
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.errors import CheckViolation, UniqueViolation

from dbkit.systems.softwarestudio import agent_settings, audit_log
from tests.systems.softwarestudio.crowd import Crowd


def limit(database: Connection, daily_limit: int, *, hard: bool = True, unit: str = "runs") -> None:
    agent_settings.change_limit(
        database, profile_name="eng", daily_limit=daily_limit, hard_limit=hard, usage_unit=unit
    )
    database.commit()


def charge(database: Connection, tokens: int = 0, **runs: int) -> agent_settings.ChargeRow | None:
    return agent_settings.charge(database, profile_name="eng", tokens=tokens, **runs)


def usage(database: Connection) -> int:
    profile = agent_settings.find(database, profile_name="eng")
    assert profile
    return profile.usage_today


def events(database: Connection) -> list[Any]:
    listed = audit_log.list_recent(database, event_type="settings_changed")
    return [event.details for event in listed]


def test_a_profile_is_added_with_the_documented_defaults(database: Connection) -> None:
    agent_settings.add(database, profile_name="docs", ip_address=ip_address("10.0.0.7"))

    profile = agent_settings.find(database, profile_name="docs")
    assert profile
    assert (profile.provider, profile.model, profile.auth_type) == ("anthropic", None, "api_key")
    assert (profile.daily_limit, profile.hard_limit, profile.usage_unit) == (0, False, "runs")
    assert (profile.usage_today, profile.env_overrides) == (0, {})
    [event] = audit_log.list_recent(database)
    assert event.event_type == "settings_changed"
    assert event.details == {"profile_name": "docs", "added": True}
    assert event.ip_address == ip_address("10.0.0.7")


def test_a_profile_is_added_as_it_is_to_be(database: Connection) -> None:
    agent_settings.add(
        database,
        profile_name="docs",
        provider="openai",
        model="o9",
        daily_limit=9,
        hard_limit=True,
        usage_unit="tokens",
    )

    profile = agent_settings.find(database, profile_name="docs")
    assert profile
    assert (profile.provider, profile.model) == ("openai", "o9")
    assert (profile.daily_limit, profile.hard_limit, profile.usage_unit) == (9, True, "tokens")


def test_a_profile_that_is_known_is_not_added_and_leaves_no_event(database: Connection) -> None:
    with pytest.raises(UniqueViolation), database.transaction():
        agent_settings.add(database, profile_name="pm")

    assert audit_log.list_recent(database) == []


def test_the_default_profiles_are_listed_by_name(database: Connection) -> None:
    listed = agent_settings.list_profiles(database)

    assert [profile.profile_name for profile in listed] == ["arch", "eng", "pm", "qa"]


def test_model_and_limit_are_changed_and_told_by_name(database: Connection) -> None:
    agent_settings.change_model(database, profile_name="eng", provider="openai", model="o9")
    limit(database, 5, unit="tokens")

    profile = agent_settings.find(database, profile_name="eng")
    assert profile
    assert (profile.provider, profile.model, profile.daily_limit) == ("openai", "o9", 5)
    assert events(database) == [
        {"profile_name": "eng", "changed": ["daily_limit", "hard_limit", "usage_unit"]},
        {"profile_name": "eng", "changed": ["provider", "model"]},
    ]


def test_a_change_is_stamped(database: Connection) -> None:
    before = agent_settings.find(database, profile_name="eng")
    database.commit()

    changed = agent_settings.change_model(
        database, profile_name="eng", provider="openai", model=None
    )

    assert before
    assert changed
    assert changed > before.updated_at


def test_a_key_is_kept_as_given_and_never_told(database: Connection) -> None:
    secret = "gAAAAAB-encrypted=="  # noqa: S105 - stands for one

    agent_settings.change_key(
        database, profile_name="eng", auth_type="oauth", api_key_encrypted=secret
    )

    key = agent_settings.find_key(database, profile_name="eng")
    assert key == agent_settings.FindKeyRow(auth_type="oauth", api_key_encrypted=secret)
    assert secret not in str(events(database))
    assert secret not in str(agent_settings.list_profiles(database))


def test_environment_overrides_are_merged(database: Connection) -> None:
    for overrides in ({"A": "1", "B": "2"}, {"B": "3", "C": "4"}, {"A": None}):
        agent_settings.change_environment(database, profile_name="eng", env_overrides=overrides)

    profile = agent_settings.find(database, profile_name="eng")
    assert profile
    assert profile.env_overrides == {"B": "3", "C": "4"}


def test_what_nobody_has_is_not_changed_and_leaves_no_event(database: Connection) -> None:
    nobody = "nobody"

    changed = agent_settings.change_model(
        database, profile_name=nobody, provider="openai", model="o9"
    )

    assert changed is None
    assert agent_settings.find(database, profile_name=nobody) is None
    assert agent_settings.find_key(database, profile_name=nobody) is None
    assert agent_settings.charge(database, profile_name=nobody, tokens=1) is None
    assert events(database) == []


def test_ten_workers_at_once_never_pass_a_hard_limit(database: Connection, crowd: Crowd) -> None:
    limit(database, 25)

    def work(connection: Connection, _: int) -> int:
        done = 0
        for _turn in range(5):
            done += charge(connection) is not None
            connection.commit()
        return done

    done = crowd.of(10, work)

    assert sum(done) == 25
    assert usage(database) == 25


def test_workers_of_different_appetite_stay_below_a_hard_limit_of_tokens(
    database: Connection, crowd: Crowd
) -> None:
    limit(database, 1000, unit="tokens")

    refused: set[int] = set()

    def work(connection: Connection, number: int) -> int:
        tokens = 30 + 7 * number
        granted = 0
        for _turn in range(5):
            if charge(connection, tokens):
                granted += tokens
            else:
                refused.add(tokens)
            connection.commit()
        return granted

    granted = crowd.of(10, work)

    assert sum(granted) == usage(database)
    # what was left at the end was too little for the smallest appetite that was refused
    assert 1000 - min(refused) < sum(granted) <= 1000


def test_a_charge_that_is_taken_back_can_be_had_by_another(database: Connection) -> None:
    limit(database, 1)
    with database.transaction(force_rollback=True):
        assert charge(database)

    assert charge(database)
    assert charge(database) is None


def test_a_limit_that_is_not_hard_is_told_and_not_enforced(database: Connection) -> None:
    limit(database, 2, hard=False)

    charges = [charge(database) for _ in range(3)]

    assert [(one.usage_today, one.is_over_limit) for one in charges if one] == [
        (1, False),
        (2, False),
        (3, True),
    ]


def test_no_limit_is_none_however_hard(database: Connection) -> None:
    limit(database, 0)

    charged = charge(database, runs=1_000_000)

    assert charged
    assert (charged.usage_today, charged.is_over_limit) == (1_000_000, False)


def test_what_counts_is_the_profiles_unit(database: Connection) -> None:
    limit(database, 0, unit="runs")
    charge(database, tokens=500)
    of_runs = usage(database)
    limit(database, 0, unit="tokens")

    charge(database, tokens=500)

    assert (of_runs, usage(database)) == (1, 501)


def test_the_first_charge_of_a_day_starts_the_count_anew(database: Connection) -> None:
    limit(database, 3)
    database.execute(
        "update agent_settings set usage_today = 3, last_reset_date = current_date - 1"
    )

    before = usage(database)
    charged = [charge(database) for _ in range(4)]

    assert before == 0
    assert [one.usage_today for one in charged if one] == [1, 2, 3]
    assert charged[3] is None
    reset = database.execute(
        "select last_reset_date = current_date from agent_settings where profile_name = 'eng'"
    )
    assert reset.fetchone() == (True,)


def test_a_refused_charge_leaves_the_count_as_it_was(database: Connection) -> None:
    limit(database, 10, unit="tokens")
    charge(database, tokens=8)

    assert charge(database, tokens=3) is None
    assert charge(database, tokens=-3) is None
    assert usage(database) == 8
    assert charge(database, tokens=2)


def test_what_was_not_used_is_given_back(database: Connection) -> None:
    limit(database, 10, unit="tokens")
    charge(database, tokens=10)

    left = agent_settings.refund(database, profile_name="eng", amount=4)

    assert left == 6
    assert charge(database, tokens=4)
    assert agent_settings.refund(database, profile_name="eng", amount=50) == 0


def test_what_was_charged_on_an_earlier_day_is_not_given_back(database: Connection) -> None:
    database.execute(
        "update agent_settings set usage_today = 3, last_reset_date = current_date - 1"
    )

    assert agent_settings.refund(database, profile_name="eng", amount=1) is None
    assert agent_settings.refund(database, profile_name="eng", amount=-1) is None


def test_the_reset_and_the_charges_of_a_new_day_agree(database: Connection, crowd: Crowd) -> None:
    limit(database, 7)
    database.execute(
        "update agent_settings set usage_today = 7, last_reset_date = current_date - 1"
    )
    database.commit()

    def work(connection: Connection, number: int) -> bool:
        if number % 2:
            agent_settings.reset_daily_usage(connection)
        return charge(connection) is not None

    charged = crowd.of(12, work)

    assert sum(charged) == 7
    assert usage(database) == 7


@pytest.mark.parametrize("column", ["daily_limit", "usage_today"])
def test_what_is_counted_is_not_negative(database: Connection, column: str) -> None:
    with pytest.raises(CheckViolation, match=f"agent_settings_{column}_check"):
        database.execute(f"update agent_settings set {column} = -1".encode())


def test_a_day_is_the_same_in_kiritimati_and_in_pago_pago(
    database: Connection, crowd: Crowd
) -> None:
    limit(database, 3)
    database.commit()
    granted = 0
    for _ in range(3):
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            with psycopg.connect(crowd.url, options=f"-c TimeZone={zone}") as client:
                agent_settings.reset_daily_usage(client)
                granted += agent_settings.charge(client, profile_name="eng", tokens=1) is not None

    assert granted == 3
