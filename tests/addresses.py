"""The addresses of the tests' databases."""

from psycopg import Connection
from psycopg.conninfo import make_conninfo


def url_of(database: Connection) -> str:
    """Return the address of a connection's database, in words that every libpq knows.

    `info.dsn` has words of the driver's own libpq, which an older psql refuses.
    """
    info = database.info
    return make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)
