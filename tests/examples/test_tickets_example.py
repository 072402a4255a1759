"""The FastAPI application that docs/fastapi.md shows passes its own tests and check."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dbkit
from dbkit.server import EmbeddedServer
from tests.conftest import ROOT

TICKETS = Path(__file__).parent / "tickets"
PAGE = (ROOT / "docs" / "fastapi.md").read_text()
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:postgresql"]
_SHOWN = re.compile(r"^`([\w/]+\.\w+)`[^\n]*\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_it_passes_its_own_tests(server: EmbeddedServer) -> None:
    ran = subprocess.run(
        PYTEST,
        cwd=TICKETS,
        env={**os.environ, "DBKIT_TEST_URL": server.url("postgres")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )

    assert ran.returncode == 0, ran.stdout
    assert "6 passed" in ran.stdout


def test_it_passes_its_own_check(empty_url: str) -> None:
    tickets = dbkit.project(TICKETS)["tickets"].at(empty_url)

    tickets.migrate()

    assert tickets.check().findings == []


@pytest.mark.parametrize(("path", "text"), _SHOWN.findall(PAGE))
def test_the_page_shows_its_files(path: str, text: str) -> None:
    assert text == (TICKETS / path).read_text()


def test_the_page_shows_both_files_of_the_application_and_its_tests() -> None:
    assert {path for path, _ in _SHOWN.findall(PAGE)} >= {
        "ticketshop/database.py",
        "ticketshop/app.py",
        "tests/test_tickets.py",
    }
