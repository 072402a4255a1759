"""A database that ran before the limits were there is mended by the migrations that bring them."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection

from dbkit.migrations import Runner, read_files
from dbkit.settings import load_settings
from tests.conftest import ROOT

ROWS = """
insert into sessions (session_id, user_mission) values ('s', 'm');
insert into artifacts (session_id, artifact_type, file_path, version, content_hash) values
    ('s', 'code', 'a.py', 1, repeat('A', 64)), ('s', 'code', 'a.py', 1, null),
    ('s', 'code', 'a.py', 2, null), ('s', 'code', 'b.py', 1, null), ('s', 'code', 'b.py', 5, null);
insert into prompt_versions (profile_name, version_number, prompt_content, is_active) values
    ('eng', 1, 'p', true), ('eng', 2, 'p', true), ('eng', 3, 'p', false), ('qa', 1, 'p', true);
insert into checkpoints (thread_id, checkpoint_id, parent_checkpoint_id, checkpoint_data) values
    ('t', 'a', null, '{}'), ('t', 'b', 'a', '{}'), ('t', 'c', 'cleared', '{}'),
    ('t', 'd', 'd', '{}'), ('u', 'e', 'a', '{}');
"""


@pytest.fixture
def mended(empty_url: str) -> Iterator[Connection]:
    """A database with data from before, brought to the latest version."""
    settings = load_settings(ROOT)
    files = read_files(settings.systems["softwarestudio"], settings.root)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        runner = Runner(files, connection)
        runner.migrate(to=7)
        connection.execute(ROWS)
        runner.migrate()
        yield connection


def test_versions_that_stood_twice_are_numbered_in_the_order_they_were_made(
    mended: Connection,
) -> None:
    found = mended.execute("select file_path, version from artifacts order by id")

    assert found.fetchall() == [("a.py", 1), ("a.py", 2), ("a.py", 3), ("b.py", 1), ("b.py", 5)]


def test_of_several_active_prompts_the_newest_stays(mended: Connection) -> None:
    found = mended.execute(
        "select profile_name, version_number from prompt_versions where is_active order by 1"
    )

    assert found.fetchall() == [("eng", 2), ("qa", 1)]


def test_a_parent_that_leads_nowhere_is_forgotten(mended: Connection) -> None:
    found = mended.execute(
        "select checkpoint_id, parent_checkpoint_id from checkpoints order by id"
    )

    assert found.fetchall() == [("a", None), ("b", "a"), ("c", None), ("d", None), ("e", None)]


def test_a_hash_in_capitals_is_written_small(mended: Connection) -> None:
    found = mended.execute("select content_hash from artifacts where content_hash is not null")

    assert found.fetchall() == [("a" * 64,)]
