"""Every file of a session has versions without a gap, whoever writes them."""

from hashlib import sha256

import pytest
from psycopg import Connection
from psycopg.errors import CheckViolation, ForeignKeyViolation, SerializationFailure

from dbkit.runtime import OMITTED
from dbkit.systems.softwarestudio import artifacts
from dbkit.transactions import transaction
from tests.systems.softwarestudio.crowd import Crowd


def hash_of(content: object) -> str:
    return sha256(str(content).encode()).hexdigest()


def add(
    database: Connection, content: object = None, path: str = "clock.py", kind: str = "code"
) -> artifacts.AddedArtifact:
    return artifacts.add(
        database,
        session_id="s1",
        artifact_type=kind,
        file_path=path,
        content_hash=OMITTED if content is None else hash_of(content),
    )


@pytest.mark.usefixtures("session")
def test_a_changed_file_has_the_next_version(database: Connection) -> None:
    added = [add(database, content) for content in ("one", "two", "one")]

    assert [(one.version, one.is_new) for one in added] == [(1, True), (2, True), (3, True)]


@pytest.mark.usefixtures("session")
def test_a_file_as_it_was_last_is_no_new_version(database: Connection) -> None:
    first = add(database, "one")

    again = add(database, "one")

    assert again == artifacts.AddedArtifact(id=first.id, version=1, is_new=False)


@pytest.mark.usefixtures("session")
def test_a_file_as_it_once_was_is_a_new_version(database: Connection) -> None:
    add(database, "one")
    add(database, "two")

    again = add(database, "one")

    assert (again.version, again.is_new) == (3, True)


@pytest.mark.usefixtures("session")
def test_without_a_hash_every_version_is_new(database: Connection) -> None:
    added = [add(database).version for _ in range(3)]

    assert added == [1, 2, 3]


@pytest.mark.usefixtures("session")
def test_versions_are_counted_for_a_type_and_a_path(database: Connection) -> None:
    add(database, "one")

    assert add(database, "one", path="test_clock.py").version == 1
    assert add(database, "one", kind="test").version == 1


@pytest.mark.usefixtures("session")
def test_writers_at_once_leave_neither_gap_nor_double(database: Connection, crowd: Crowd) -> None:
    def write(connection: Connection, number: int) -> list[int]:
        return [add(connection, f"{number} {turn}").version for turn in range(5)]

    versions = crowd.of(10, write)

    assert sorted(version for five in versions for version in five) == list(range(1, 51))
    listed = artifacts.list_versions(
        database, session_id="s1", artifact_type="code", file_path="clock.py"
    )
    assert [artifact.version for artifact in listed] == list(range(50, 0, -1))


@pytest.mark.usefixtures("session")
def test_writers_of_the_same_content_at_once_make_one_version(crowd: Crowd) -> None:
    added = crowd.of(10, lambda connection, _: add(connection, "the same"))

    assert {one.version for one in added} == {1}
    assert sum(one.is_new for one in added) == 1


@pytest.mark.usefixtures("session")
def test_a_writer_that_gives_up_leaves_no_gap(database: Connection) -> None:
    add(database, "one")
    with database.transaction(force_rollback=True):
        add(database, "two")

    added = add(database, "three")

    assert added.version == 2


@pytest.mark.usefixtures("session")
def test_a_writer_that_cannot_see_the_latest_version_is_refused(
    database: Connection, crowd: Crowd
) -> None:
    with transaction(database, isolation="repeatable read"):
        database.execute("select count(*) from artifacts")
        crowd.of(1, lambda connection, _: add(connection, "one"))

        with pytest.raises(SerializationFailure), database.transaction():
            add(database, "two")


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("wrong", ["", "abc", "g" * 64, hash_of("one").upper()])
def test_a_hash_is_a_sha_256_in_small_hexadecimal(database: Connection, wrong: str) -> None:
    with pytest.raises(CheckViolation, match="artifacts_content_hash_check"):
        artifacts.add(
            database,
            session_id="s1",
            artifact_type="code",
            file_path="clock.py",
            content_hash=wrong,
        )


def test_an_artifact_has_a_session(database: Connection) -> None:
    with pytest.raises(ForeignKeyViolation, match="artifacts_session_id_fkey"):
        add(database)


@pytest.mark.usefixtures("session")
def test_the_latest_of_each_file_is_listed_by_type_and_path(database: Connection) -> None:
    for content, path, kind in [
        ("one", "clock.py", "code"),
        ("two", "clock.py", "code"),
        ("one", "alarm.py", "code"),
        ("one", "prd.md", "prd"),
    ]:
        add(database, content, path, kind)

    latest = artifacts.list_latest(database, session_id="s1")
    code = artifacts.list_latest(database, session_id="s1", artifact_type="code")

    assert [(one.artifact_type, one.file_path, one.version) for one in latest] == [
        ("code", "alarm.py", 1),
        ("code", "clock.py", 2),
        ("prd", "prd.md", 1),
    ]
    assert code == latest[:2]
    assert code[1].content_hash == hash_of("two")


@pytest.mark.usefixtures("session")
def test_what_an_agent_leaves_is_added_at_once(database: Connection) -> None:
    files = [
        artifacts.AddEachValues("s1", "code", f"{number % 50}.py", hash_of(number % 75))
        for number in range(100)
    ]

    added = artifacts.add_each(database, files)

    # the second fifty are numbers 50 to 74 anew, and then 0 to 24 again
    assert [(one.version, one.is_new) for one in added] == [(1, True)] * 50 + [(2, True)] * 50
    assert artifacts.add_each(database, files[50:]) == [
        artifacts.AddedArtifact(one.id, 2, is_new=False) for one in added[50:]
    ]
