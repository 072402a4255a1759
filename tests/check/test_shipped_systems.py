"""The systems of this repository have nothing that `dbkit check` would find."""

import json
import os

import pytest
from psycopg.conninfo import make_conninfo

from tests.commandline import run_dbkit
from tests.conftest import ROOT

SYSTEMS = ["myloware", "ai_orchestration", "softwarestudio", "mrwa"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_shipped_system_is_clean(system: str, request: pytest.FixtureRequest) -> None:
    info = request.getfixturevalue(system).info
    url = make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)

    environment = {**os.environ, f"{system.upper()}_DATABASE_URL": url}

    ran = run_dbkit(["check", system, "--json"], ROOT, environment)

    [found] = json.loads(ran.stdout)["systems"]
    # on a slow machine stderr says how far it is
    assert (ran.returncode, found["findings"], found["warnings"]) == (0, [], [])
    assert found["typed"] == found["queries"] > 0
