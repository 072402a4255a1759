"""Users registered, logged in, changed and verified."""

from datetime import timedelta
from time import thread_time
from uuid import UUID, uuid4

import bcrypt
import pytest
from psycopg import Connection, errors

from dbkit.systems.mrwa import accounts, passwords, sessions, users
from dbkit.systems.mrwa.passwords import TooLongPassword

EMAIL = "grace@example.org"
PASSWORD, OTHER, WRONG = "cobol, 1959", "ada, 1980", "flow-matic, 1955"


@pytest.fixture
def grace(database: Connection) -> accounts.RegisteredUser:
    """A user with a password."""
    registered = accounts.register(database, email=EMAIL, password=PASSWORD, name="Grace")
    assert registered
    return registered


@pytest.fixture
def old_hash(database: Connection) -> str:
    """What a user has whose password was hashed when four was thought to be enough."""
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    database.execute("insert into users (email, password_hash) values (%s, %s)", [EMAIL, hashed])
    return hashed


def stored(database: Connection, column: str, user_id: UUID) -> object:
    [(value,)] = database.execute(
        f"select {column} from users where id = %s".encode(), [user_id]
    ).fetchall()
    return value


def test_a_new_user_has_a_bcrypt_hash_of_cost_12_and_an_address_to_prove(
    database: Connection, grace: accounts.RegisteredUser
) -> None:
    found = users.find(database, user_id=grace.user_id)

    hashed = stored(database, "password_hash", grace.user_id)
    assert isinstance(hashed, str)
    assert hashed.startswith("$2b$12$")
    assert bcrypt.checkpw(PASSWORD.encode(), hashed.encode())
    assert found is not None
    assert (found.email, found.name, found.metadata) == (EMAIL, "Grace", {})
    assert (found.email_verified, found.last_login) == (False, None)


@pytest.mark.usefixtures("ada")
def test_an_address_that_is_taken_registers_nobody(database: Connection) -> None:
    assert accounts.register(database, email="ada@example.org", password=OTHER) is None


@pytest.mark.usefixtures("grace")
def test_an_address_is_one_however_it_is_written(database: Connection, ada: UUID) -> None:
    written = EMAIL.replace("g", "G").replace("org", "ORG")

    assert accounts.log_in(database, email=written, password=PASSWORD)
    assert accounts.register(database, email=written, password=OTHER) is None
    with pytest.raises(errors.UniqueViolation, match="users_email_any_case_key"):
        accounts.change_email(database, user_id=ada, email=written)


def test_who_knows_the_password_gets_a_session_and_the_login_is_noted(
    database: Connection, grace: accounts.RegisteredUser
) -> None:
    opened = accounts.log_in(database, email=EMAIL, password=PASSWORD)

    assert opened is not None
    assert opened.user_id == grace.user_id
    assert sessions.list_for_user(database, user_id=grace.user_id)[0].id == opened.session_id
    assert stored(database, "last_login = now()", grace.user_id) is True


@pytest.mark.usefixtures("grace")
def test_neither_the_answer_nor_the_time_tells_who_is_registered(database: Connection) -> None:
    def answer(email: str) -> tuple[object, float]:
        started = thread_time()
        return accounts.log_in(database, email=email, password=WRONG), thread_time() - started

    (known, time_known), (unknown, time_unknown) = answer(EMAIL), answer("nobody@example.org")

    assert (known, unknown) == (None, None)
    assert 0.5 < time_unknown / time_known < 2


@pytest.mark.usefixtures("grace")
def test_a_password_is_never_in_what_is_shown(database: Connection) -> None:
    opened = accounts.log_in(database, email=EMAIL, password=PASSWORD)

    assert opened is not None
    assert opened.refresh_token not in repr(opened)


def test_a_login_replaces_a_hash_of_a_lower_cost(database: Connection, old_hash: str) -> None:
    first = accounts.log_in(database, email=EMAIL, password=PASSWORD)
    found = users.find_by_email(database, email=EMAIL)
    second = accounts.log_in(database, email=EMAIL, password=PASSWORD)

    assert first
    assert second
    assert found is not None
    assert found.password_hash.startswith("$2b$12$")
    assert not passwords.is_outdated(found.password_hash)
    assert passwords.is_outdated(old_hash)


def test_a_failed_login_replaces_nothing(database: Connection, old_hash: str) -> None:
    assert accounts.log_in(database, email=EMAIL, password=WRONG) is None

    found = users.find_by_email(database, email=EMAIL)
    assert found is not None
    assert found.password_hash == old_hash


def test_a_password_longer_than_bcrypt_reads_is_refused(database: Connection) -> None:
    with pytest.raises(TooLongPassword) as refused:
        accounts.register(database, email=EMAIL, password="ü" * 37)

    assert str(refused.value) == (
        "the password has 74 bytes in UTF-8, but bcrypt reads only 72; choose a shorter one"
    )
    assert users.find_by_email(database, email=EMAIL) is None


def test_a_password_that_only_begins_right_logs_nobody_in(database: Connection) -> None:
    longest = "x" * 72
    accounts.register(database, email=EMAIL, password=longest)

    assert accounts.log_in(database, email=EMAIL, password=longest)
    assert accounts.log_in(database, email=EMAIL, password=longest + "y") is None


def test_another_password_logs_out_all_devices(
    database: Connection, grace: accounts.RegisteredUser
) -> None:
    accounts.log_in(database, email=EMAIL, password=PASSWORD)

    changed = accounts.change_password(
        database, user_id=grace.user_id, password=PASSWORD, new_password=OTHER
    )

    assert changed
    assert sessions.list_for_user(database, user_id=grace.user_id) == []
    assert accounts.log_in(database, email=EMAIL, password=PASSWORD) is None
    assert accounts.log_in(database, email=EMAIL, password=OTHER)


def test_a_password_is_changed_only_by_who_knows_it(
    database: Connection, grace: accounts.RegisteredUser
) -> None:
    before = stored(database, "password_hash", grace.user_id)

    changed = accounts.change_password(
        database, user_id=grace.user_id, password=WRONG, new_password=OTHER
    )

    assert not changed
    assert stored(database, "password_hash", grace.user_id) == before


def test_a_login_with_a_password_that_was_changed_meanwhile_is_none(
    database: Connection, ada: UUID
) -> None:
    verified, later = "no password", "none either"
    users.change_password(database, user_id=ada, verified_hash=verified, password_hash=later)

    assert users.change_last_login(database, user_id=ada, verified_hash=verified) == 0
    assert users.change_last_login(database, user_id=ada, verified_hash=later) == 1


def test_a_token_proves_an_address_once(
    database: Connection, grace: accounts.RegisteredUser
) -> None:
    token = grace.verification_token

    assert accounts.verify_email(database, token=token) == grace.user_id
    assert accounts.verify_email(database, token=token) is None
    assert stored(database, "email_verified", grace.user_id) is True


def test_the_database_does_not_know_the_token(
    database: Connection, grace: accounts.RegisteredUser
) -> None:
    [(whole,)] = database.execute(
        "select to_jsonb(users)::text from users where id = %s", [grace.user_id]
    )

    assert grace.verification_token not in whole
    assert grace.verification_token not in repr(grace)


def test_a_token_is_good_until_it_expires(database: Connection) -> None:
    registered = accounts.register(
        database, email=EMAIL, password=PASSWORD, verify_within=timedelta(0)
    )

    assert registered is not None
    assert accounts.verify_email(database, token=registered.verification_token) is None
    assert stored(database, "email_verified", registered.user_id) is False


def test_an_unknown_token_proves_nothing(database: Connection) -> None:
    assert accounts.verify_email(database, token=OTHER) is None


def test_another_token_takes_the_place_of_the_first(
    database: Connection, grace: accounts.RegisteredUser
) -> None:
    token = accounts.renew_verification(database, user_id=grace.user_id)

    assert token
    assert accounts.verify_email(database, token=grace.verification_token) is None
    assert accounts.verify_email(database, token=token) == grace.user_id
    assert accounts.renew_verification(database, user_id=grace.user_id) is None


def test_another_address_is_to_be_proved_anew(
    database: Connection, grace: accounts.RegisteredUser
) -> None:
    accounts.verify_email(database, token=grace.verification_token)

    token = accounts.change_email(database, user_id=grace.user_id, email="hopper@example.org")

    assert token
    assert stored(database, "email_verified", grace.user_id) is False
    assert accounts.verify_email(database, token=token) == grace.user_id


@pytest.mark.usefixtures("bob")
def test_the_address_of_another_user_is_refused(database: Connection, ada: UUID) -> None:
    with pytest.raises(errors.UniqueViolation, match="users_email_key"):
        accounts.change_email(database, user_id=ada, email="bob@example.org")


def test_a_profile_is_changed_in_what_is_given(database: Connection, ada: UUID) -> None:
    users.change_profile(database, user_id=ada, name="Ada", metadata={"theme": "dark", "size": 1})
    users.change_profile(database, user_id=ada, metadata={"size": 2})

    found = users.find(database, user_id=ada)

    assert found is not None
    assert (found.name, found.metadata) == ("Ada", {"theme": "dark", "size": 2})
    assert found.updated_at > found.created_at
    assert users.change_profile(database, user_id=uuid4(), name="Nobody") == 0
