"""Inputs are encrypted by pgcrypto if the database has it, else by AES-GCM, and read alike."""

import subprocess
import sys
from collections.abc import Iterator
from os import environ
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from dbkit.pools import Database, open_database
from dbkit.server import EmbeddedServer, find_binaries
from dbkit.systems.errors import NotSealed, UnknownKey
from dbkit.systems.mrwa import confidential_inputs, executions, inputs, users
from dbkit.systems.mrwa.confidential_inputs import Keyring
from tests.conftest import ROOT

OLD, NEW = f"old:{'ab' * 32}", f"new:{'cd' * 32}"
HANDED_IN = "v1.old.a plain text that looks encrypted, with ümlauts"


@pytest.fixture(scope="session")
def contrib_server() -> Iterator[EmbeddedServer]:
    """A server with pgcrypto, which the embedded one has not: Debian's."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    candidates = [find_binaries(str(folder)) for folder in folders]
    found = next((one for one in candidates if one.has_library("pgcrypto")), None)
    if found is None:
        pytest.skip("needs pgcrypto, and no PostgreSQL of this machine has it")
    folder = Path(mkdtemp(prefix="dbkit-pgcrypto-"))
    folder.chmod(0o711)
    server = EmbeddedServer(folder / "server", binaries=found, settings={"fsync": "off"})
    server.start()
    yield server
    server.reset(force=True)
    rmtree(folder)


@pytest.fixture(params=["pgcrypto", "aes-gcm"])
def served(request: pytest.FixtureRequest) -> Connection:
    """A database of mrwa whose server has pgcrypto, created in a schema of its own, or has not."""
    if request.param == "aes-gcm":
        without: Connection = request.getfixturevalue("database")
        return without
    connection: Connection = request.getfixturevalue("with_contrib")
    connection.execute("create schema extensions; create extension pgcrypto schema extensions")
    connection.commit()
    return connection


@pytest.fixture
def user(served: Connection) -> UUID:
    """A user who hands something in."""
    user_id = users.add(
        served,
        email="ada@example.org",
        password_hash="no password",  # noqa: S106 - it is none
        name=None,
        verification_token=None,
    )
    assert user_id
    return user_id


@pytest.fixture
def pool(served: Connection) -> Iterator[Database]:
    """A pool on the same database."""
    with open_database(served.info.dsn, max_size=2) as database:
        yield database


def hand_in(served: Connection, user: UUID, keys: str) -> UUID:
    return confidential_inputs.add(
        served, Keyring.read(keys), user_id=user, input_type="text", input_value=HANDED_IN
    )


def hand_in_plain(served: Connection, user: UUID) -> UUID:
    return executions.add(
        served, user_id=user, input_type="text", input_value=HANDED_IN, input_file_url=None
    )


def keys_of(served: Connection) -> set[str | None]:
    found = served.execute("select distinct input_key from executions").fetchall()
    served.rollback()
    return {key for (key,) in found}


def encrypt_inputs(
    served: Connection, keys: str, command: str = "encrypt-inputs"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dbkit.systems.mrwa", command, "--url", served.info.dsn],
        cwd=ROOT,
        env={**environ, "MRWA_KEYS": keys},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_handed_in_is_kept_encrypted_and_revealed(served: Connection, user: UUID) -> None:
    execution = hand_in(served, user, OLD)

    kept = inputs.find(served, execution_id=execution)
    revealed = confidential_inputs.reveal(served, Keyring.read(OLD), execution_id=execution)

    assert kept
    assert kept.input_key == "old"
    assert "plain" not in kept.input_value
    by_pgcrypto = inputs.has_pgcrypto(served)
    assert kept.input_value.startswith("pgp.c3" if by_pgcrypto else "v1.old.")
    assert revealed == HANDED_IN
    assert confidential_inputs.reveal(served, Keyring.read(OLD), execution_id=uuid4()) is None


def test_an_input_decrypts_for_its_execution_and_key_only(served: Connection, user: UUID) -> None:
    execution, other = hand_in(served, user, OLD), hand_in_plain(served, user)
    served.execute(
        "update executions set (input_value, input_key) ="
        " (select input_value, input_key from executions where id = %s) where id = %s",
        [execution, other],
    )

    with pytest.raises(NotSealed) as moved:
        confidential_inputs.reveal(served, Keyring.read(OLD), execution_id=other)
    with pytest.raises(NotSealed):
        confidential_inputs.reveal(served, Keyring.read(f"old:{'ef' * 32}"), execution_id=execution)
    with pytest.raises(UnknownKey):
        confidential_inputs.reveal(served, Keyring.read(NEW), execution_id=execution)

    assert HANDED_IN not in str(moved.value)
    # the caller's transaction goes on
    assert (
        confidential_inputs.reveal(served, Keyring.read(OLD), execution_id=execution) == HANDED_IN
    )


def test_plain_and_old_inputs_are_encrypted_with_the_current_key(
    served: Connection, user: UUID, pool: Database
) -> None:
    handed_in = [
        hand_in_plain(served, user),
        hand_in(served, user, OLD),
        hand_in(served, user, NEW),
    ]
    lost = hand_in(served, user, f"gone:{'01' * 32}")
    served.commit()
    keyring = Keyring.read(f"{NEW} {OLD}")
    unread: list[UUID] = []

    changed = confidential_inputs.encrypt_all(
        pool, keyring, report=lambda id_, _: unread.append(id_), max_inputs=1
    )
    again = confidential_inputs.encrypt_all(pool, keyring, report=print)

    assert (changed, again, unread) == (2, 0, [lost])
    assert keys_of(served) == {"new", "gone"}
    for execution in handed_in:
        revealed = confidential_inputs.reveal(served, Keyring.read(NEW), execution_id=execution)
        assert revealed == HANDED_IN


def test_the_process_encrypts_what_there_is_and_tells_what_it_could_not_read(
    database: Connection, ada: UUID
) -> None:
    hand_in_plain(database, ada)
    lost = hand_in(database, ada, OLD)
    database.commit()

    without_keys = encrypt_inputs(database, "")
    first = encrypt_inputs(database, NEW)
    with_both = encrypt_inputs(database, f"{NEW} {OLD}")
    back = encrypt_inputs(database, NEW, "decrypt-inputs")

    assert (
        "set MRWA_KEYS to the keys, the current one first: new:HEX old:HEX" in without_keys.stderr
    )
    assert (first.returncode, with_both.returncode, back.returncode) == (1, 0, 0)
    assert f"passed over: execution {lost}: unknown key 'old'; known keys: new" in first.stderr
    assert "1 inputs are under key 'new' now, 0 could not be read" in with_both.stdout
    assert keys_of(database) == {None}
    rows = database.execute("select distinct input_value from executions").fetchall()
    assert rows == [(HANDED_IN,)]


def test_the_migration_is_not_undone_while_inputs_are_encrypted(
    direct_mrwa: Connection,
) -> None:
    user_id = direct_mrwa.execute(
        "insert into users (email, password_hash) values ('a@b.c', 'x') returning id"
    ).fetchone()
    assert user_id
    hand_in(direct_mrwa, user_id[0], OLD)
    direct_mrwa.commit()
    rollback = ROOT / "migrations" / "mrwa" / "0022_encrypt_inputs.rollback.sql"

    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="decrypt-inputs"):
        direct_mrwa.execute(rollback.read_bytes())
