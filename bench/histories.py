"""Make histories of migrations as real projects have them, from a seed."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

# fmt: off
_WORDS = (
    "account", "invoice", "order", "product", "customer", "session", "event", "message",
    "tenant", "project", "document", "shipment", "payment", "address", "article", "comment",
    "device", "job", "label", "note", "plan", "quota", "region", "report", "rule", "secret",
    "setting", "step", "tag", "team", "template", "token", "upload", "user", "version", "wallet",
    "webhook", "worker",
)
# fmt: on
_TABLES_FIRST = 3
_TYPES = (
    "text not null",
    "text",
    "varchar(255)",
    "integer not null default 0",
    "bigint",
    "numeric(12,2) not null default 0.00",
    "boolean not null default false",
    "timestamptz not null default now()",
    "jsonb not null default '{}'::jsonb",
    "date",
    "uuid not null default gen_random_uuid()",
    "text[] not null default '{}'",
)


def write_small(folder: Path, size: int) -> None:
    """Write so many migrations of two statements each."""
    for number in range(1, size + 1):
        _write(
            folder,
            number,
            f"table_{number}",
            f"-- table {number} is wanted\n\n"
            f"create table t{number} (id integer primary key, name text not null);\n"
            f"create index t{number}_name on t{number} (name);\n",
            f"drop table t{number};\n",
        )


_FUNCTION = (
    "create or replace function {name}(x integer) returns integer language sql "
    "as $$ select {needed}(x) + 1 $$;"
)
_TRIGGER = (
    "create or replace trigger {name} before update on t1 for each row execute function {needed}();"
)
_TRIGGER_FUNCTION = (
    "create or replace function {name}() returns trigger language plpgsql "
    "as $$ begin return new; end $$;"
)
_OBJECTS = {
    "views": ("create or replace view {name} as select id, name from {needed};",) * 2,
    "functions": (_FUNCTION, _FUNCTION),
    "triggers": (_TRIGGER, _TRIGGER_FUNCTION),
}


def write_objects(folder: Path, kind: str, size: int) -> None:
    """Write one migration and so many object files, each of which needs the one after it.

    Of triggers each needs a function of its own, and all functions come after all triggers.
    """
    write_small(folder, 1)
    objects = folder.parent.parent / "sql" / "shop" / "_objects"
    objects.mkdir(parents=True)
    first, second = _OBJECTS[kind]
    for number in range(size):
        name, needed = f"o{number:05}", f"o{number + 1:05}"
        if kind == "triggers":
            needed = f"o{number + size // 2:05}"
        elif number == size - 1:
            needed = "t1" if kind == "views" else "abs"
        template = first if number < size // 2 else second
        (objects / f"{name}.sql").write_text(template.format(name=name, needed=needed) + "\n")


def write_rows(folder: Path, megabytes: int, rows: int) -> None:
    """Write one migration of so many megabytes of inserts of so many rows each."""
    columns = "id int primary key, name text, email text, note text, born date"
    parts = [f"create table customers ({columns});\n"]
    length, number = 0, 0
    while length < megabytes * 1_000_000:
        values = ",\n".join(
            f"({each}, 'O''Neil {each}', 'user{each}@example.org', 'lives at {each % 90} "
            f"Main-Street; (north)', '19{each % 90 + 10}-01-02')"
            for each in range(number, number + rows)
        )
        number += rows
        parts.append(f"insert into customers (id, name, email, note, born) values\n{values};\n")
        length += len(parts[-1])
    _write(folder, 1, "customers", "".join(parts), "drop table customers;\n")


def write_copy(folder: Path, megabytes: int) -> None:
    """Write one migration of so many megabytes of data for a copy."""
    line = "{0}\tO'Neil {0}\tuser{0}@example.org\tlives at Main-Street; (north)\n"
    count = megabytes * 1_000_000 // len(line.format(1_000_000))
    _write(
        folder,
        1,
        "customers",
        "create table customers (id int primary key, name text, email text, note text);\n"
        f"copy customers from stdin;\n{''.join(map(line.format, range(count)))}\\.\n",
        "drop table customers;\n",
    )


def write_history(folder: Path, steps: int, seed: int) -> None:
    """Write so many migrations: tables, columns, indexes, constraints, functions and seeds."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    tables: list[str] = []
    kinds: list[tuple[Callable[[random.Random, list[str], int], str], int]] = [
        (_table, 30),
        (_columns, 25),
        (_indexes, 15),
        (_constraint, 8),
        (_function, 8),
        (_seed, 8),
        (_comments, 6),
    ]
    for number in range(1, steps + 1):
        makers, weights = zip(*kinds, strict=True)
        make = _table if number <= _TABLES_FIRST else chance.choices(makers, weights)[0]
        text = make(chance, tables, number)
        name = make.__name__.strip("_")
        _write(folder, number, f"{name}_{number}", f"-- step {number}\n\n{text}", "select 1;\n")


def _write(folder: Path, number: int, name: str, up: str, down: str) -> None:
    stem = folder / f"{number:05}_{name}"
    stem.with_suffix(".sql").write_text(up)
    stem.with_suffix(".rollback.sql").write_text(down)


def _columns_of(chance: random.Random, number: int, count: int) -> Iterator[str]:
    for each in range(count):
        yield f"    {chance.choice(_WORDS)}_{number}_{each} {chance.choice(_TYPES)}"


def _table(chance: random.Random, tables: list[str], number: int) -> str:
    parts: list[str] = []
    for each in range(chance.choice((1, 1, 1, 2, 3))):
        name = f"{chance.choice(_WORDS)}_{number}_{each}"
        columns = [
            "    id bigint generated always as identity primary key",
            *_columns_of(chance, number, chance.randint(4, 16)),
            "    created_at timestamptz not null default now()",
            f"    kind text not null default 'a' check (kind in ('a', 'b', 'c{number}'))",
        ]
        if tables:
            other = chance.choice(tables)
            columns.append(f"    {other}_id bigint references {other} (id) on delete cascade")
        listed = ",\n".join(columns)
        parts.append(f"create table {name} (\n{listed}\n);\n")
        parts.append(f"create index {name}_created on {name} (created_at desc, id);\n")
        if tables:
            parts.append(f"create index {name}_other on {name} ({columns[-1].split()[0]});\n")
        tables.append(name)
    return "\n".join(parts)


def _columns(chance: random.Random, tables: list[str], number: int) -> str:
    table = chance.choice(tables)
    columns = ",\n    ".join(
        f"add column {column.strip()}"
        for column in _columns_of(chance, number, chance.randint(1, 4))
    )
    return f"alter table {table}\n    {columns};\n"


def _indexes(chance: random.Random, tables: list[str], number: int) -> str:
    return "".join(
        f"create index step_{number}_{each} on {chance.choice(tables)} (kind, created_at)\n"
        f"    where kind <> 'c{number}';\n"
        for each in range(chance.randint(1, 3))
    )


def _constraint(chance: random.Random, tables: list[str], number: int) -> str:
    table = chance.choice(tables)
    return (
        f"alter table {table} add constraint step_{number} check (length(kind) < {number + 9});\n"
        f"update {table} set kind = 'b' where kind = 'a' and created_at < now();\n"
    )


def _function(chance: random.Random, tables: list[str], number: int) -> str:
    table = chance.choice(tables)
    return f"""create or replace function touch_{number}() returns trigger
language plpgsql as $body$
begin
    -- what isn't new stays
    if new.kind is distinct from old.kind then
        new.created_at := now();
    end if;
    return new;
end;
$body$;

create trigger touch_{number} before update on {table}
    for each row execute function touch_{number}();

create view recent_{number} as
select each.id, each.kind, count(*) over (partition by each.kind) as count
from {table} as each
where each.created_at > now() - interval '1 day';
"""


def _seed(chance: random.Random, tables: list[str], number: int) -> str:
    table = f"seed_{number}"
    rows = "".join(
        f"insert into {table} (id, name, body)\n"
        f"values ({each}, 'It''s {each}', '{{\"a\": {each}}}');\n"
        for each in range(chance.randint(5, 200))
    )
    return (
        f"create table {table} (id int primary key, name text, body jsonb);\n{rows}"
        f"comment on table {table} is 'seeds for {chance.choice(tables)}';\n"
    )


def _comments(chance: random.Random, tables: list[str], number: int) -> str:
    return "".join(
        f"comment on table {chance.choice(tables)} is 'what {number} knows of it; more or less';\n"
        for _ in range(chance.randint(2, 8))
    )
