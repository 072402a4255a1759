"""A connection is opened as a migration needs it, and a refusal shows no password."""

import psycopg
import pytest

import dbkit
from dbkit.database import connect, libpq_url, without_password
from dbkit.errors import CannotConnect


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@db:5432/shop", "postgresql://me:***@db:5432/shop"),
        ("postgres://me:secret@db/shop", "postgres://me:***@db/shop"),
        ("postgresql+psycopg://me:secret@db/shop", "postgresql+psycopg://me:***@db/shop"),
        ("postgresql://me@db/shop", "postgresql://me@db/shop"),
        ("postgresql://db:5432/shop", "postgresql://db:5432/shop"),
        ("postgresql:///shop", "postgresql:///shop"),
        ("postgresql://:secret@db/shop", "postgresql://:***@db/shop"),
        ("postgresql://me:se%40cret@db/shop", "postgresql://me:***@db/shop"),
        ("postgresql://me:sec@ret@db/shop", "postgresql://me:***@db/shop"),
        ("postgresql://me:sec/ret@db/shop", "postgresql://me:***@db/shop"),
        ("postgresql://me:sec?ret@db/shop", "postgresql://me:***@db/shop"),
        ("postgresql://me:sec:ret@db/shop", "postgresql://me:***@db/shop"),
        ("postgresql://me:secret@[::1]:5432/shop", "postgresql://me:***@[::1]:5432/shop"),
        ("postgresql://me:secret@[::1/shop", "postgresql://me:***@[::1/shop"),
        ("postgresql://[::1]:5432/shop", "postgresql://[::1]:5432/shop"),
        (
            "postgresql://me:secret@one:1,two:2/shop?target_session_attrs=read-write",
            "postgresql://me:***@one:1,two:2/shop?target_session_attrs=read-write",
        ),
        ("postgresql://one:1,two:2/shop", "postgresql://one:1,two:2/shop"),
        (
            "postgresql:///shop?host=%2Frun&password=secret&user=me",
            "postgresql:///shop?host=%2Frun&password=***&user=me",
        ),
        ("postgresql://db/shop?sslpassword=secret", "postgresql://db/shop?sslpassword=***"),
        ("postgresql://db:1/shop?user=me@there", "postgresql://db:1/shop?user=me@there"),
        ("mysql://me:secret@db/shop", "mysql://me:***@db/shop"),
        ("postgresql//me:secret@db/shop", "postgresql//me:***@db/shop"),
        ("host=db password=secret user=me", "host=db password=*** user=me"),
        ("password='sec ret' host=db", "password=*** host=db"),
        ("password='sec\\'ret' host=db", "password=*** host=db"),
        ("password='a//b' host=db", "password=*** host=db"),
        ("me:secret@db/shop", "me:***@db/shop"),
        ("me:s@cr/et@db:1/shop", "me:***@db:1/shop"),
        ("db:1/shop?user=me", "db:1/shop?user=me"),
        ("host=db", "host=db"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("postgresql+psycopg://db/shop", "postgresql://db/shop"),
        ("postgres+asyncpg://db/shop", "postgres://db/shop"),
        ("postgresql://db/shop\n", "postgresql://db/shop"),
        ("postgresql://db/a+b", "postgresql://db/a+b"),
        ("host=db", "host=db"),
    ],
)
def test_libpq_gets_what_it_understands(url: str, taken: str) -> None:
    assert libpq_url(url) == taken


def test_a_connection_commits_each_statement_and_prepares_none(empty_url: str) -> None:
    with connect(empty_url) as connection:
        [name] = connection.execute("show application_name").fetchone() or [None]
        encoding = connection.info.encoding

        assert connection.autocommit
        assert connection.prepare_threshold is None
        assert (name, encoding) == (f"dbkit {dbkit.__version__}", "utf-8")


def test_a_name_given_in_the_url_is_kept(empty_url: str) -> None:
    with connect(f"{empty_url}&application_name=deploy") as connection:
        [name] = connection.execute("show application_name").fetchone() or [None]

    assert name == "deploy"


def test_the_second_host_is_taken_when_the_first_is_away(empty_url: str) -> None:
    with connect(empty_url.replace("host=", "host=%2Fnowhere,")) as connection:
        [answer] = connection.execute("select 1").fetchone() or [None]

    assert answer == 1


def test_a_refusal_carries_its_facts(empty_url: str) -> None:
    url = empty_url.replace("postgres@", "nobody_here:secret@")

    with pytest.raises(CannotConnect) as caught:
        connect(url, origin="$SHOP_DATABASE_URL")

    assert caught.value.url == url.replace("secret", "***")
    assert caught.value.origin == "$SHOP_DATABASE_URL"
    assert caught.value.reason == 'role "nobody_here" does not exist'
    assert isinstance(caught.value.__cause__, psycopg.OperationalError)


def test_of_two_hosts_away_the_first_reason_is_told() -> None:
    with pytest.raises(CannotConnect) as caught:
        connect("postgresql:///shop?host=%2Fnowhere,%2Fneither")

    assert caught.value.reason == "No such file or directory"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:secret@db/shop",
        "postgresql://me:sec%ret@db/shop",
        "postgresql://me:sec ret@db/shop",
        "postgresql://me:secret@[::1/shop",
        "postgresql://me:sec@ret@db/shop",
        "postgresql://me:sec/ret@db/shop",
        "postgresql//me:secret@db/shop",
    ],
)
def test_a_malformed_url_gives_its_password_away_nowhere(url: str) -> None:
    with pytest.raises(CannotConnect) as caught:
        connect(url)

    assert "sec" not in str(caught.value)
    assert "ret" not in str(caught.value)
