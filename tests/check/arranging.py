"""What makes each rule about a system fire; a function is called like its rule."""

from psycopg.conninfo import make_conninfo

from tests.check.conftest import Shop

_MORE = "create table more (id integer);"
_CHEAP = "create view cheap as select id from orders;"
_LIST = "-- :many\nselect id, note from orders order by id;\n"
_TENANT = '[tool.dbkit.systems.shop]\ntenant = "tenant_id"\n'


def with_tenants(shop: Shop) -> None:
    """Give the table a tenant's column, and name it in the settings."""
    shop.connection.execute("alter table orders add tenant_id integer not null")
    _settings(shop, _TENANT)


def unknown_tenant_column(shop: Shop) -> None:
    _settings(shop, _TENANT.replace("tenant_id", "tenat_id"))


def with_role(shop: Shop) -> None:
    """Name a role for the application that may do nothing."""
    shop.connection.execute(
        "do $$ begin create role shop_app; exception when others then null; end $$"
    )
    _settings(shop, '[tool.dbkit.systems.shop]\nrole = "shop_app"\n')


def unknown_role(shop: Shop) -> None:
    _settings(shop, '[tool.dbkit.systems.shop]\nrole = "shop_ap"\n')


def policies_not_in_force(shop: Shop) -> None:
    shop.connection.execute("alter table orders enable row level security")


def pending(shop: Shop) -> None:
    shop.project.migration("0002_more", _MORE)


def gone(shop: Shop) -> None:
    file = shop.project.object("cheap", _CHEAP)
    shop.project.runner(shop.connection).migrate()
    file.unlink()


def migration_file(shop: Shop) -> None:
    shop.project.migration("first", _MORE, rollback=None)


def duplicate_number(shop: Shop) -> None:
    shop.project.migration("0001_users", _MORE)


def gap(shop: Shop) -> None:
    shop.project.migration("0003_more", _MORE)


def edited_migration(shop: Shop) -> None:
    shop.project.migration("0001_orders", "create table orders (id bigint);")


def missing_migration(shop: Shop) -> None:
    for file in (shop.project.root / "migrations" / "shop").iterdir():
        file.unlink()


def renamed_migration(shop: Shop) -> None:
    for file in (shop.project.root / "migrations" / "shop").iterdir():
        file.rename(file.with_name(file.name.replace("orders", "bookings")))


def unfinished_migration(shop: Shop) -> None:
    shop.connection.execute(
        "create procedure fill() language plpgsql as 'begin commit; perform 1 / 0; end'"
    )
    shop.project.migration("0002_fill", "-- transactional: false\ncall fill();\nselect 1;\n")
    shop.project.dbkit("migrate")


def row_by_hand(shop: Shop) -> None:
    shop.project.migration("0002_note", "alter table orders add note_2 text;")
    shop.connection.execute("insert into schema_version (version) values (2)")


def foreign_database(shop: Shop) -> None:
    shop.connection.execute("drop table schema_version, dbkit._yoyo_migration cascade")


def no_schema(shop: Shop) -> None:
    shop.connection.execute("drop schema public cascade")


def unreachable(shop: Shop) -> None:
    nowhere = "postgresql://nobody@localhost:1/nothing"
    shop.project.environment["SHOP_DATABASE_URL"] = nowhere


def stale_package(shop: Shop) -> None:
    shop.query("orders/list_all", _LIST)
    shop.generate()
    shop.query("orders/list_all", _LIST.replace("id, note", "id"))


def drift(shop: Shop) -> None:
    shop.connection.execute("alter table orders alter note set not null")
    shop.query("orders/list_all", _LIST)
    shop.generate()
    shop.connection.execute("alter table orders alter note drop not null")


def lost_proof(shop: Shop) -> None:
    """Take the right to temporary tables from the role that checks."""
    shop.query("orders/list_all", _LIST)
    database = shop.connection.info.dbname
    for statement in (
        "do $$ begin create role reader login; exception when others then null; end $$",
        f"revoke temporary on database {database} from public",
        "revoke create on schema public from public",
        "grant usage on schema public to reader",
        "grant select on all tables in schema public to reader",
    ):
        shop.connection.execute(statement.encode())
    url = make_conninfo(shop.project.url, user="reader")
    shop.project.environment["SHOP_DATABASE_URL"] = url


def unproved_statement(shop: Shop) -> None:
    arrays = ", ".join(f":'p{number}'::text[] as p{number}" for number in range(101))
    shop.query("orders/find", f"-- Arrays.\n-- more of them\n-- :one\nselect {arrays};\n")


def unusable_package(shop: Shop) -> None:
    _settings(shop, '[tool.dbkit.systems.shop]\npackage = "shop-queries"\n')


def _settings(shop: Shop, text: str) -> None:
    (shop.project.root / "pyproject.toml").write_text(text)
