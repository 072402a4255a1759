"""Keep the inputs of executions encrypted: by pgcrypto if the database has it, else by AES-GCM."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.errors import ExternalRoutineInvocationException

from dbkit.pools import Database
from dbkit.runtime import JsonLike
from dbkit.systems.errors import NotSealed
from dbkit.systems.errors import UnknownKey as UnknownKey
from dbkit.systems.mrwa import executions, inputs
from dbkit.systems.sealing import Keyring as Keyring
from dbkit.systems.sealing import seal, unseal

_FIRST = UUID(int=0)
# what AES-GCM encrypted begins otherwise
_BY_PGCRYPTO = "pgp."


def add(  # noqa: PLR0913 - all but the first two are columns
    connection: Connection[Any],
    keyring: Keyring,
    *,
    user_id: UUID,
    input_type: str,
    input_value: str,
    input_file_url: str | None = None,
    steps: Sequence[JsonLike] = (),
) -> UUID:
    """Plan an execution whose input is encrypted with the current key, and return its id."""
    execution_id = uuid4()
    return executions.add(
        connection,
        id=execution_id,
        user_id=user_id,
        input_type=input_type,
        input_value=encrypt(connection, keyring, input_value, execution_id=execution_id),
        input_key=keyring.current,
        input_file_url=input_file_url,
        steps=list(steps),
    )


def reveal(connection: Connection[Any], keyring: Keyring, *, execution_id: UUID) -> str | None:
    """Return the input of an execution in plain text, or None if there is no such execution."""
    found = inputs.find(connection, execution_id=execution_id)
    if found is None:
        return None
    return decrypt(
        connection, keyring, found.input_value, key_id=found.input_key, execution_id=execution_id
    )


def encrypt(
    connection: Connection[Any], keyring: Keyring, plain: str, *, execution_id: UUID
) -> str:
    """Encrypt an input with the current key, so that it decrypts for this execution only."""
    by_pgcrypto = inputs.has_pgcrypto(connection)
    return _encrypt(connection, keyring, plain, execution_id, by_pgcrypto=by_pgcrypto)


def decrypt(
    connection: Connection[Any],
    keyring: Keyring,
    text: str,
    *,
    key_id: str | None,
    execution_id: UUID,
) -> str:
    """Return an input in plain text; `key_id` is what `input_key` says, None is plain text."""
    if key_id is None:
        return text
    if not text.startswith(_BY_PGCRYPTO):
        return unseal(keyring, text, subject=_subject(execution_id))
    passphrase = _passphrase(keyring, key_id)
    try:
        # what pgcrypto refuses ends no transaction of the caller's
        with connection.transaction():
            return inputs.decrypt(
                connection, encrypted_input=text, execution_id=execution_id, passphrase=passphrase
            )
    except ExternalRoutineInvocationException:
        # its message may show what the text decrypts to
        raise NotSealed(_subject(execution_id)) from None


def encrypt_all(
    database: Database,
    keyring: Keyring,
    *,
    report: Callable[[UUID, NotSealed | UnknownKey], object],
    max_inputs: int = 100,
) -> int:
    """Encrypt every input that is plain text or under another key with the current one.

    It returns how many it encrypted. Each batch is committed, so that a run that was stopped is
    gone on with by the next. An input that does not decrypt stays as it is and is reported.
    """
    return _change_all(database, keyring, keyring.current, report, max_inputs)


def decrypt_all(
    database: Database,
    keyring: Keyring,
    *,
    report: Callable[[UUID, NotSealed | UnknownKey], object],
    max_inputs: int = 100,
) -> int:
    """Put every input back into plain text, as `encrypt_all` encrypts them."""
    return _change_all(database, keyring, None, report, max_inputs)


def _change_all(
    database: Database,
    keyring: Keyring,
    wanted: str | None,
    report: Callable[[UUID, NotSealed | UnknownKey], object],
    max_inputs: int,
) -> int:
    changed, last = 0, _FIRST
    while True:
        with database.transaction() as connection:
            batch = inputs.list_to_change(
                connection, after=last, input_key=wanted, max_inputs=max_inputs
            )
            by_pgcrypto = inputs.has_pgcrypto(connection)
            changes = [
                inputs.ChangeValues(
                    execution_id=row.id,
                    previous_value=row.input_value,
                    input_key=wanted,
                    input_value=plain
                    if wanted is None
                    else _encrypt(connection, keyring, plain, row.id, by_pgcrypto=by_pgcrypto),
                )
                for row, plain in _readable(connection, keyring, batch, report)
            ]
            inputs.change(connection, changes)
        changed += len(changes)
        if not batch:
            return changed
        last = batch[-1].id


def _readable(
    connection: Connection[Any],
    keyring: Keyring,
    batch: Sequence[inputs.ListToChangeRow],
    report: Callable[[UUID, NotSealed | UnknownKey], object],
) -> Iterator[tuple[inputs.ListToChangeRow, str]]:
    for row in batch:
        try:
            plain = decrypt(
                connection, keyring, row.input_value, key_id=row.input_key, execution_id=row.id
            )
        except (NotSealed, UnknownKey) as error:
            report(row.id, error)
        else:
            yield row, plain


def _encrypt(
    connection: Connection[Any],
    keyring: Keyring,
    plain: str,
    execution_id: UUID,
    *,
    by_pgcrypto: bool,
) -> str:
    if not by_pgcrypto:
        return seal(keyring, plain, subject=_subject(execution_id))
    return inputs.encrypt(
        connection,
        plain_input=plain,
        execution_id=execution_id,
        passphrase=_passphrase(keyring, keyring.current),
    )


def _subject(execution_id: UUID) -> str:
    return f"the input of execution {execution_id}"


def _passphrase(keyring: Keyring, key_id: str) -> str:
    # it refuses an unknown id
    keyring.cipher(key_id)
    return keyring.keys[key_id].hex()
