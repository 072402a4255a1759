"""The accounts a project publishes with, of which one at most is the primary one."""

from functools import partial
from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors

from dbkit.systems.myloware import project_socials, socials
from tests.systems.myloware.conftest import Crowd


@pytest.fixture
def accounts(database: Connection) -> list[UUID]:
    """Four accounts of the project aismr, none of them the primary one."""
    ids = [
        socials.add(
            database,
            provider="tiktok",
            account_id=f"account {number}",
            credential_ref=f"vault/{number}",
            default_caption=None,
            default_tags=["candles", "asmr"],
            privacy="public",
            rate_limit_window=3600,
        )
        for number in range(4)
    ]
    for id_ in ids:
        project_socials.add(database, project="aismr", social_id=id_)
    database.commit()
    return ids


def test_a_project_without_a_primary_account_has_none(
    database: Connection, accounts: list[UUID]
) -> None:
    links = project_socials.list_for_project(database, project="aismr")

    assert socials.find_primary(database, project="aismr") is None
    assert {link.social_id for link in links} == {*accounts}


def test_a_project_publishes_with_its_primary_account(
    database: Connection, accounts: list[UUID]
) -> None:
    project_socials.change_primary(database, project="aismr", social_id=accounts[2])

    primary = socials.find_primary(database, project="aismr")
    assert primary is not None
    assert (primary.id, primary.account_id) == (accounts[2], "account 2")
    assert (primary.credential_ref, primary.default_caption) == ("vault/2", None)
    assert (primary.default_tags, primary.privacy) == (["candles", "asmr"], "public")
    assert primary.rate_limit_window == 3600


@pytest.mark.parametrize("order", [(0, 3), (3, 0), (1, 1)])
def test_the_mark_passes_from_one_account_to_another_at_once(
    database: Connection, accounts: list[UUID], order: tuple[int, int]
) -> None:
    for place in order:
        changed = project_socials.change_primary(
            database, project="aismr", social_id=accounts[place]
        )
        assert changed is not None

    links = project_socials.list_for_project(database, project="aismr")
    assert [link.is_primary for link in links] == [True, False, False, False]
    assert links[0].social_id == accounts[order[1]]


def test_an_account_that_the_project_does_not_have_changes_nothing(
    database: Connection, accounts: list[UUID]
) -> None:
    project_socials.change_primary(database, project="aismr", social_id=accounts[0])

    changed = project_socials.change_primary(database, project="aismr", social_id=uuid4())

    primary = socials.find_primary(database, project="aismr")
    assert changed is None
    assert primary is not None
    assert primary.id == accounts[0]


def test_another_project_keeps_its_own_primary_account(
    database: Connection, accounts: list[UUID]
) -> None:
    project_socials.add(database, project="test_video_gen", social_id=accounts[0])
    for project in ("aismr", "test_video_gen"):
        project_socials.change_primary(database, project=project, social_id=accounts[0])

    project_socials.change_primary(database, project="aismr", social_id=accounts[1])

    primary = socials.find_primary(database, project="test_video_gen")
    assert primary is not None
    assert primary.id == accounts[0]


@pytest.mark.usefixtures("accounts")
def test_a_second_primary_account_is_refused_whoever_marks_it(database: Connection) -> None:
    with pytest.raises(errors.ExclusionViolation, match="project_socials_one_primary"):
        database.execute("update project_socials set is_primary = true")


def test_an_account_is_linked_to_a_project_once(database: Connection, accounts: list[UUID]) -> None:
    project_socials.change_primary(database, project="aismr", social_id=accounts[0])

    project_socials.add(database, project="aismr", social_id=accounts[0])

    links = project_socials.list_for_project(database, project="aismr")
    assert len(links) == 4
    assert links[0].is_primary


def test_of_many_who_change_it_at_once_one_has_it(
    database: Connection, accounts: list[UUID], crowd: Crowd
) -> None:
    changes = crowd.at_once(
        *(
            partial(project_socials.change_primary, project="aismr", social_id=id_)
            for id_ in accounts * 2
        )
    )

    links = project_socials.list_for_project(database, project="aismr")
    assert all(changes)
    assert [link.is_primary for link in links] == [True, False, False, False]


def test_who_changes_it_while_another_does_waits_and_has_it(
    database: Connection, accounts: list[UUID], crowd: Crowd
) -> None:
    project_socials.change_primary(database, project="aismr", social_id=accounts[0])
    later = partial(project_socials.change_primary, project="aismr", social_id=accounts[1])

    with crowd.behind(later) as changed:
        database.commit()

    given = changed.result()
    primary = socials.find_primary(database, project="aismr")
    assert given is not None
    assert primary is not None
    assert primary.id == given.social_id == accounts[1]
