"""What is imported with the front doors of the migrations and of the server, and what is not."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("package", "absent"),
    [
        # yoyo is slow to import, and not needed to see that nothing is pending
        ("dbkit.migrations", {"yoyo", "dbkit.migrations.backend", "dbkit.sqltext"}),
        # `dbkit server status` needs no driver
        ("dbkit.server", {"psycopg", "dbkit.settings"}),
    ],
)
def test_a_front_door_loads_only_what_is_needed_at_once(package: str, absent: set[str]) -> None:
    program = f"import sys, {package}; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert package in loaded
    assert not absent.intersection(loaded)
