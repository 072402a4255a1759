"""Artifacts added to an execution, verified and listed."""

from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors

from dbkit.systems.mrwa import artifacts


def add(
    database: Connection, execution: UUID, name: str, type_: str = "summary", size: int | None = 1
) -> UUID:
    artifact_id = artifacts.add(
        database,
        execution_id=execution,
        type=type_,
        name=name,
        data={"of": name},
        file_url=None,
        file_size_bytes=size,
        mime_type="text/plain",
    )
    database.commit()
    return artifact_id


def test_an_artifact_is_kept_as_added_and_not_verified(
    database: Connection, execution: UUID
) -> None:
    artifact_id = add(database, execution, "summary.txt", size=2**40)

    [found] = artifacts.list_for_execution(database, execution_id=execution)

    assert (found.id, found.name, found.type) == (artifact_id, "summary.txt", "summary")
    assert (found.data, found.file_size_bytes) == ({"of": "summary.txt"}, 2**40)
    assert not found.verified


def test_an_artifact_is_verified_once(database: Connection, execution: UUID) -> None:
    artifact_id = add(database, execution, "summary.txt")

    assert artifacts.verify(database, artifact_id=artifact_id) == 1
    assert artifacts.verify(database, artifact_id=artifact_id) == 0
    assert artifacts.verify(database, artifact_id=uuid4()) == 0

    assert artifacts.list_for_execution(database, execution_id=execution)[0].verified


def test_artifacts_come_as_they_are_to_be_sorted(database: Connection, execution: UUID) -> None:
    for name, type_, size in (("b", "summary", 3), ("c", "analysis", None), ("a", "summary", 2)):
        add(database, execution, name, type_, size)

    def names(sort: artifacts.ListForExecutionSort) -> str:
        listed = artifacts.list_for_execution(database, execution_id=execution, sort=sort)
        return "".join(one.name or "" for one in listed)

    assert names("created_at") == "bca"
    assert names("name") == "abc"
    assert names("file_size_bytes") == "abc"
    assert names("type")[0] == "c"


def test_artifacts_of_one_type_or_verified_are_listed_alone(
    database: Connection, execution: UUID
) -> None:
    chart, text = add(database, execution, "a", "visualization"), add(database, execution, "b")
    artifacts.verify(database, artifact_id=text)

    charts = artifacts.list_for_execution(database, execution_id=execution, type="visualization")
    verified = artifacts.list_for_execution(database, execution_id=execution, verified=True)

    assert [one.id for one in charts] == [chart]
    assert [one.id for one in verified] == [text]


def test_an_artifact_belongs_to_an_execution(database: Connection) -> None:
    with pytest.raises(errors.ForeignKeyViolation, match="artifacts_execution_id_fkey"):
        add(database, uuid4(), "of nothing")
