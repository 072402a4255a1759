"""Each system goes up, down and up again, and psql alone makes the same schema of its files."""

import re
import subprocess

import psycopg
import pytest

from dbkit.migrations import Files, Runner, read_files
from dbkit.server import Binaries
from dbkit.settings import load_settings
from tests.conftest import ROOT, skip_without_vector

SETTINGS = load_settings(ROOT)
BOOKKEEPING = ("--exclude-table=schema_version", "--exclude-schema=dbkit")


@pytest.fixture(params=tuple(SETTINGS.systems))
def files(request: pytest.FixtureRequest, empty_url: str) -> Files:
    """The files of one system after the other."""
    found = read_files(SETTINGS.systems[request.param], SETTINGS.root)
    skip_without_vector(found.system, empty_url)
    return found


def dump(binaries: Binaries, url: str) -> str:
    """Return the schema as pg_dump tells it, dbkit's own tables and pg_dump's secrets aside."""
    command = [str(binaries.bin / "pg_dump"), "--schema-only", *BOOKKEEPING, url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.MULTILINE)


def test_every_migration_can_be_undone_and_run_again(
    files: Files, empty_url: str, binaries: Binaries
) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        runner = Runner(files, connection)
        runner.migrate(to=0)
        first = below = dump(binaries, empty_url)
        for version in range(1, files.latest + 1):
            runner.migrate(to=version)
            made = dump(binaries, empty_url)

            runner.rollback(to=version - 1)
            assert dump(binaries, empty_url) == below, f"down from {version}"
            runner.migrate(to=version)
            assert dump(binaries, empty_url) == made, f"up to {version} again"
            below = made

        runner.rollback(to=0)
        assert dump(binaries, empty_url) == first
        runner.migrate(to=files.latest)
        assert dump(binaries, empty_url) == below
        assert below != first


def test_psql_alone_makes_the_same_schema(files: Files, empty_url: str, binaries: Binaries) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        runner = Runner(files, connection)
        outcome = runner.migrate()
        made_by_dbkit = dump(binaries, empty_url)
        runner.rollback(to=0)

    texts = [*(str(migration.path) for migration in files.migrations), *outcome.objects]
    for text in texts:
        apart = (ROOT / text).read_text().startswith("-- transactional: false")
        subprocess.run(
            [
                *(str(binaries.psql), "-qX" if apart else "-qX1", "-v", "ON_ERROR_STOP=1"),
                *("-d", empty_url, "-f", str(ROOT / text)),
            ],
            check=True,
            capture_output=True,
        )

    assert dump(binaries, empty_url) == made_by_dbkit
