"""A profile's prompt has versions without a gap, of which exactly one is active."""

import pytest
from psycopg import Connection
from psycopg.errors import UniqueViolation

from dbkit.runtime import OMITTED
from dbkit.systems.softwarestudio import agent_settings, audit_log, prompt_versions
from tests.systems.softwarestudio.crowd import Crowd


def add(database: Connection, content: str = "You are an engineer.") -> prompt_versions.AddRow:
    return prompt_versions.add(database, profile_name="eng", prompt_content=content, note="sharper")


def activate(database: Connection, version: int, path: str | None = None) -> int | None:
    return prompt_versions.activate(
        database,
        profile_name="eng",
        version_number=version,
        active_prompt_path=OMITTED if path is None else path,
    )


def active(database: Connection) -> int | None:
    prompt = prompt_versions.find_active(database, profile_name="eng")
    return prompt.version_number if prompt else None


@pytest.fixture
def versions(database: Connection) -> list[prompt_versions.AddRow]:
    """Three versions of the prompt of eng, none of them active."""
    added = [add(database, f"Version {number}") for number in (1, 2, 3)]
    database.commit()
    return added


def test_a_new_version_is_the_next_and_not_active_yet(database: Connection) -> None:
    added = [add(database).version_number for _ in range(2)]

    other = prompt_versions.add(database, profile_name="qa", prompt_content="You test.")
    assert added == [1, 2]
    assert other.version_number == 1
    assert active(database) is None


def test_writers_at_once_leave_neither_gap_nor_double(database: Connection, crowd: Crowd) -> None:
    def write(connection: Connection, _: int) -> list[int]:
        return [add(connection).version_number for _ in range(5)]

    added = crowd.of(10, write)

    assert sorted(number for five in added for number in five) == list(range(1, 51))
    listed = prompt_versions.list_for_profile(database, profile_name="eng")
    assert [prompt.version_number for prompt in listed] == list(range(50, 0, -1))


def test_a_version_is_active_in_place_of_the_one_before(
    database: Connection, versions: list[prompt_versions.AddRow]
) -> None:
    first, second = activate(database, 1), activate(database, 2)

    assert (first, second) == (versions[0].id, versions[1].id)
    listed = prompt_versions.list_for_profile(database, profile_name="eng")
    assert [(prompt.version_number, prompt.is_active) for prompt in listed] == [
        (3, False),
        (2, True),
        (1, False),
    ]


@pytest.mark.usefixtures("versions")
def test_an_older_version_is_active_again_after_a_roll_back(database: Connection) -> None:
    activate(database, 3)

    activate(database, 1)

    prompt = prompt_versions.find_active(database, profile_name="eng")
    assert prompt
    assert (prompt.version_number, prompt.prompt_content) == (1, "Version 1")
    assert prompt.note == "sharper"


@pytest.mark.usefixtures("versions")
def test_a_version_that_is_not_there_changes_nothing(database: Connection) -> None:
    activate(database, 2, path="prompts/eng.md")

    assert activate(database, 9) is None
    assert active(database) == 2
    assert path(database) == "prompts/eng.md"


def path(database: Connection) -> str | None:
    profile = agent_settings.find(database, profile_name="eng")
    assert profile
    return profile.active_prompt_path


@pytest.mark.usefixtures("versions")
def test_the_profile_tells_the_file_of_the_active_version_alone(database: Connection) -> None:
    activate(database, 1, path="prompts/eng-1.md")
    first = path(database)

    activate(database, 2)

    assert (first, path(database)) == ("prompts/eng-1.md", None)


@pytest.mark.usefixtures("versions")
def test_of_several_activators_at_once_the_last_one_is_obeyed(
    database: Connection, crowd: Crowd
) -> None:
    activate(database, 1)
    database.commit()

    done = crowd.of(9, lambda connection, number: activate(connection, number % 3 + 1))

    assert None not in done
    count = "select count(*) from prompt_versions where is_active"
    assert database.execute(count).fetchone() == (1,)
    # each had the profile to itself when it wrote its event
    last = max(audit_log.list_recent(database), key=lambda event: event.id)
    assert isinstance(last.details, dict)
    assert last.details["version_number"] == active(database)


@pytest.mark.usefixtures("versions")
def test_the_first_activators_at_once_leave_one_active(database: Connection, crowd: Crowd) -> None:
    crowd.of(6, lambda connection, number: activate(connection, number % 3 + 1))

    count = "select count(*) from prompt_versions where is_active"
    assert database.execute(count).fetchone() == (1,)


@pytest.mark.usefixtures("versions")
def test_a_second_active_version_is_refused_by_the_database(database: Connection) -> None:
    activate(database, 1)

    with pytest.raises(UniqueViolation, match="prompt_versions_active_key"):
        database.execute("update prompt_versions set is_active = true")


@pytest.mark.usefixtures("versions")
def test_a_new_version_and_its_use_are_events(database: Connection) -> None:
    activate(database, 3)

    use, *added = audit_log.list_recent(database, event_type="prompt_updated")
    assert use.details == {"profile_name": "eng", "version_number": 3, "is_active": True}
    assert use.user_action == "activate"
    assert [event.details for event in added] == [
        {"profile_name": "eng", "version_number": number} for number in (3, 2, 1)
    ]
