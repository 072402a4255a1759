"""What most stories of softwarestudio begin with."""

import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from dbkit.systems.softwarestudio import sessions
from tests.systems.softwarestudio.crowd import Crowd


@pytest.fixture
def session(database: Connection) -> str:
    """The id of a session that waits to be started."""
    added = sessions.add(database, session_id="s1", user_mission="Build a clock")
    database.commit()
    return added.session_id


@pytest.fixture
def crowd(database: Connection) -> Crowd:
    """Workers on this test's own database."""
    info = database.info
    return Crowd(make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname))
