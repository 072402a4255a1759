"""What a run leaves behind, each thing once."""

from functools import partial
from uuid import UUID

from psycopg import Connection

from dbkit.systems.myloware import artifacts
from dbkit.systems.myloware.artifacts import AddAllValues
from tests.systems.myloware.conftest import Crowd


def test_an_artifact_is_found_with_what_is_said_of_it(database: Connection, run: str) -> None:
    added = artifacts.add(
        database,
        run_id=run,
        type="clip",
        provider="kieai",
        url="https://example.org/1.mp4",
        persona="iggy",
        metadata={"seconds": 8},
    )

    [listed] = artifacts.list_for_run(database, run_id=run)
    assert isinstance(added, UUID)
    assert (listed.type, listed.provider, listed.url) == (
        "clip",
        "kieai",
        "https://example.org/1.mp4",
    )
    assert listed.metadata == {"seconds": 8}


def test_an_artifact_that_comes_again_with_its_checksum_is_the_same(
    database: Connection, run: str
) -> None:
    first, again = (
        artifacts.add(database, run_id=run, type="clip", provider="kieai", checksum="abc")
        for _ in range(2)
    )
    other = artifacts.add(database, run_id=run, type="video", provider="shotstack", checksum="abc")

    assert first == again != other
    assert len(artifacts.list_for_run(database, run_id=run)) == 2


def test_artifacts_without_a_checksum_are_never_the_same(database: Connection, run: str) -> None:
    ids = {artifacts.add(database, run_id=run, type="idea", provider="iggy") for _ in range(2)}

    assert len(ids) == 2


def test_an_artifact_that_comes_many_times_at_once_is_recorded_once(
    database: Connection, run: str, crowd: Crowd
) -> None:
    add = partial(artifacts.add, run_id=run, type="clip", provider="kieai", checksum="abc")

    ids = crowd.at_once(*[add] * 6)

    assert len(set(ids)) == len(artifacts.list_for_run(database, run_id=run)) == 1


def test_the_clips_of_a_step_are_recorded_together_and_their_ids_come_in_order(
    database: Connection, run: str
) -> None:
    clips = [
        AddAllValues(run, "clip", "kieai", {"number": number}, None, "iggy", f"sum {number % 2}")
        for number in range(3)
    ]

    ids = artifacts.add_all(database, clips)

    assert len(artifacts.list_for_run(database, run_id=run)) == 2
    assert ids[0] == ids[2] != ids[1]
