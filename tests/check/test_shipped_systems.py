"""The systems of this repository have nothing that `dbkit check` would find."""

import json
import os
import subprocess
import sys

import pytest
from psycopg.conninfo import make_conninfo

from tests.conftest import ROOT

SYSTEMS = ["myloware", "ai_orchestration", "softwarestudio", "mrwa"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_shipped_system_is_clean(system: str, request: pytest.FixtureRequest) -> None:
    info = request.getfixturevalue(system).info
    url = make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)

    ran = subprocess.run(
        [sys.executable, "-m", "dbkit", "check", system, "--json"],
        cwd=ROOT,
        env={**os.environ, f"{system.upper()}_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    [found] = json.loads(ran.stdout)["systems"]
    assert (ran.returncode, found["findings"], found["warnings"], ran.stderr) == (0, [], [], "")
    assert found["typed"] == found["queries"] > 0
