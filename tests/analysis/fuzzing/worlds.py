"""A schema made by chance, with everything that bends what a query returns, and rows for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

INTEGER, TEXT, ARRAY = "integer", "text", "integer[]"
_VALUES = {
    INTEGER: ("0", "1", "1", "2", "3"),
    TEXT: ("''", "'a'", "'A'", "'a'", "'b'"),
    # of the dimensions that the columns are declared with, which no server holds them to
    ARRAY: ("'{}'", "'{1}'", "'{1,NULL}'", "'{2,1}'"),
}


@dataclass(frozen=True, slots=True)
class Relation:
    """Something to read from, by its name."""

    name: str
    columns: dict[str, str]
    # the columns that are unique together, or nearly so
    keys: tuple[tuple[str, ...], ...] = ()
    # a statement may change it
    is_target: bool = False


@dataclass
class World:
    """The objects of one database, and what there is to read."""

    chance: Random
    version: int
    schema: list[str] = field(default_factory=list[str])
    relations: list[Relation] = field(default_factory=list[Relation])
    # by the name of a table, its columns with their type and whether they refuse null
    stored: dict[str, list[tuple[str, str, bool]]] = field(
        default_factory=dict[str, list[tuple[str, str, bool]]]
    )
    refreshed: list[str] = field(default_factory=list[str])

    def odds(self, share: float) -> bool:
        """Say yes in this share of all cases."""
        return self.chance.random() < share

    def fill(self) -> list[str]:
        """Return the statements that fill the tables in a new way."""
        statements = ["set local session_replication_role = replica"]
        nulls = self.chance.choice((0.0, 0.2, 0.5, 0.9))
        for table, columns in self.stored.items():
            shown = ", ".join(name for name, _, _ in columns)
            for _ in range(self.chance.choice((0, 1, 2, 4, 6))):
                row = ", ".join(
                    "null"
                    if not required and self.odds(nulls)
                    else self.chance.choice(_VALUES[type_])
                    for _, type_, required in columns
                )
                # one that breaks a key is left out
                statements.append(f"insert into {table} ({shown}) values ({row})")
        statements.append("set local session_replication_role = origin")
        return [*statements, *self.refreshed]


_FUNCTIONS = """
create function hollow(integer) returns integer strict immutable language sql return null::integer
create function next_of(integer) returns integer immutable language sql return $1 + 1
create function same(integer) returns integer language sql immutable as 'select $1'
create function page(integer) returns bigint immutable language sql return 2
create function no_rows(integer) returns bigint stable language sql return 0
create function rolled() returns integer language sql volatile return (random() * 3)::integer
create function rolled_of(integer) returns integer language plpgsql as 'begin return (random() * 3)::integer; end'
create function several(integer) returns setof integer language sql stable return generate_series(1, 2)
create function pairs(integer) returns table (a integer, b text) language sql as 'values ($1, null), ($1, ''a'')'
create function pair(integer, out a integer, out b text) language sql as 'select $1, null::text'
""".strip().splitlines()
_SKIPS = (
    "return null",
    "return new",
    "new.t := null; return new",
    "new.s := null; return new",
    "new.t := 1; return new",
    "if new.t = 1 then return null; end if; return new",
    "if tg_op = 'INSERT' then return new; end if; return null",
)


def make_world(chance: Random, version: int) -> World:
    """Make the objects, in the order in which they depend on each other."""
    world = World(chance, version, schema=list(_FUNCTIONS))
    world.schema.append("create domain small as integer check (value < 1000)")
    world.schema.append("create domain smaller as small check (value < 900)")
    if world.odds(0.3):
        world.schema.append("create domain filled as integer not null")
        world.schema.append("create domain fuller as filled")
    for name in ("d", "e"):
        _make_table(world, name)
    _make_parts(world)
    _make_family(world)
    if world.odds(0.3):
        world.schema.append("create temp table e (id integer, t integer, s text, a integer[])")
        world.schema.append("create unique index on pg_temp.e (s) where t is not null")
        world.stored["pg_temp.e"] = [
            ("id", INTEGER, False),
            ("t", INTEGER, False),
            ("s", TEXT, False),
        ]
        world.relations.append(_relation("e", (("s",), ("id",)), is_target=True))
    for number in range(1, chance.randint(3, 5)):
        _make_view(world, f"v{number}")
    if world.odds(0.5):
        # not of a temporary table
        base = chance.choice(
            [each for each in world.relations if each.name in {"d", "p", "h", "hc"}]
        )
        world.schema.append(f"create materialized view m as select id, t, s, a from {base.name}")
        if world.odds(0.7):
            world.schema.append("create unique index on m (id)")
        world.relations.append(_relation("m", (("id",),)))
        # a duplicate key only makes it fail, and then it stays as it was
        world.refreshed.append("refresh materialized view m")
    _make_bends(world)
    return world


def _relation(name: str, keys: Sequence[tuple[str, ...]], *, is_target: bool = False) -> Relation:
    columns = {"id": INTEGER, "t": INTEGER, "s": TEXT, "a": ARRAY}
    return Relation(name, columns, tuple(keys) or (("id",),), is_target)


def _make_table(world: World, name: str) -> None:
    chance = world.chance
    integer = chance.choice((INTEGER, INTEGER, INTEGER, "bigint", "smallint", "small", "smaller"))
    text = chance.choice((TEXT, TEXT, "varchar(9)", "char(1)", 'text collate "C"'))
    required = {column: world.odds(0.4) for column in ("id", "t", "s")}
    marks = {column: " not null" if required[column] else "" for column in required}
    parts = [
        f"id {integer}{marks['id']}",
        f"t integer{marks['t']}",
        f"s {text}{marks['s']}",
        "a integer[]",
    ]
    if world.odds(0.4):
        kind = "virtual" if world.version >= 18 and world.odds(0.5) else "stored"
        parts.append(f"g integer generated always as (t * 2) {kind}")
    columns = [
        ("id", INTEGER, False),
        ("t", INTEGER, False),
        ("s", TEXT, False),
        ("a", ARRAY, False),
    ]
    keys: list[tuple[str, ...]] = []
    if world.odds(0.7):
        parts.append("primary key (id)")
        required["id"] = True
        keys.append(("id",))
    if world.odds(0.4):
        late = chance.choice(("", "", " deferrable", " deferrable initially deferred"))
        distinct = " nulls not distinct" if world.odds(0.3) else ""
        parts.append(f"unique{distinct} (t){late}")
        keys.append(("t",))
    world.schema.append(f"create table {name} ({', '.join(parts)})")
    indexes = [
        (("t", "s"), "(t, s)"),
        (("id", "t"), "(t, id)"),
        (("s",), "(lower(s))"),
        (("s",), '(s collate "C")'),
        (("s",), "(s text_pattern_ops)"),
        (("t",), "(t) where s is not null"),
        (("t",), "(t) where s = 'a'"),
        (("t",), "((coalesce(t, 0)))"),
        (("t",), "((next_of(t)))"),
        (("t",), "(t) include (s)"),
        (("t",), "((t + 0)) where id > 0 and t is not null"),
    ]
    for key, text in chance.sample(indexes, chance.randint(0, 3)):
        world.schema.append(f"create unique index on {name} {text}")
        keys.append(key)
    world.stored[name] = [(c, t, required.get(c, False)) for c, t, _ in columns]
    world.relations.append(_relation(name, keys, is_target=True))


def _make_parts(world: World) -> None:
    key = world.chance.choice(("primary key (id, t)", "unique (t, id)", "unique (t)"))
    world.schema += [
        f"create table p (id integer, t integer, s text, a integer[], {key}) partition by list (t)",
        "create table p1 partition of p for values in (1)",
        "create table p0 partition of p default",
    ]
    if world.odds(0.5):
        world.schema.append("create unique index on p1 (id)")
    required = "primary" in key
    world.stored["p"] = [
        ("id", INTEGER, required), ("t", INTEGER, required), ("s", TEXT, False), ("a", ARRAY, False),
    ]  # fmt: skip
    name = world.chance.choice(("p", "p", "p1"))
    world.relations.append(_relation(name, (("id", "t"), ("t",)), is_target=True))


def _make_family(world: World) -> None:
    world.schema += [
        "create table h (id integer primary key, t integer, s text not null, a integer[])",
        "create table hc (extra integer) inherits (h)",
    ]
    if world.odds(0.5):
        world.schema.append("create unique index on hc (id)")
    columns = [("id", INTEGER, True), ("t", INTEGER, False), ("s", TEXT, True), ("a", ARRAY, False)]
    world.stored["h"] = world.stored["hc"] = columns
    name = world.chance.choice(("h", "only h", "hc"))
    world.relations.append(_relation(name, (("id",),), is_target=True))


def _make_view(world: World, name: str) -> None:
    chance = world.chance
    below, other = chance.choice(world.relations).name, chance.choice(world.relations).name
    body = chance.choice(
        (
            f"select id, t, s, a from {below}",
            f"select id, t, s, a from {below} where s is not null",
            f"select id, t, s, a from {below} where id = 1",
            f"select x.id, y.t, y.s, x.a from {below} as x left join {other} as y on y.id = x.t",
            f"select x.id, y.t, x.s, y.a from {below} as x join {other} as y on y.id = x.id",
            f"select id, max(t) as t, min(s) as s, max(a) as a from {below} group by id",
            f"select max(id) as id, max(t) as t, min(s) as s, max(a) as a from {below}",
            f"select distinct on (id) id, t, s, a from {below} order by id, t",
            f"select distinct id, t, s, a from {below}",
            f"(select id, t, s, a from {below} order by id limit 1)",
            f"select id, t, s, a from {below} union all select id, t, s, a from {other}",
            f"select id, t, s, a from {below} union select t, id, s, a from {other}",
            f"select id, rolled() as t, s, a from {below}",
            "select rolled() as id, 1 as t, null::text as s, array[1] as a",
            f"select generate_series(1, 2) as id, t, s, a from {below}",
            f"with w as (select * from {below}) select id, t, s, a from w",
            f"select x.id, z.t, z.s, x.a from {below} as x, lateral (select y.t, y.s from {other} as y"
            " where y.id = x.id limit 1) as z",
        )
    )
    plain = body.startswith(f"select id, t, s, a from {below}") and "union" not in body
    check = " with check option" if plain and world.odds(0.2) else ""
    world.schema.append(f"create view {name} as {body}{check}")
    keys = tuple(chance.sample([("id",), ("t",), ("s",), ("id", "t")], 2))
    world.relations.append(_relation(name, keys, is_target=plain and world.odds(0.7)))
    if world.odds(0.25):
        world.schema += [
            f"create function {name}_instead() returns trigger language plpgsql as "
            f"$$ begin {chance.choice(_SKIPS)}; end $$",
            f"create trigger instead instead of insert or update on {name} "
            f"for each row execute function {name}_instead()",
        ]


def _make_bends(world: World) -> None:
    """Make triggers, rules and policies: what changes the rows that a command gives."""
    chance = world.chance
    for number in range(chance.choice((0, 0, 1, 2))):
        table = chance.choice(("d", "e", "p", "p1", "h", "hc"))
        table = "public.e" if table == "e" else table
        events = chance.choice(("insert", "update", "insert or update"))
        world.schema += [
            f"create function bend{number}() returns trigger language plpgsql as "
            f"$$ begin {chance.choice(_SKIPS)}; end $$",
            f"create trigger bend{number} before {events} on {table} "
            f"for each row execute function bend{number}()",
        ]
    if world.odds(0.2):
        action = chance.choice(
            (
                "on update to d do instead update h set s = 'r' returning id, t, s, a",
                "on insert to d do instead insert into h values (new.id, 1, 'r') returning id, t, s, a",
                "on delete to d do instead delete from h returning id, t, s, a",
                "on insert to d do also delete from h",
                "on update to d do instead nothing",
            )
        )
        if "returning" not in action or not any("g integer" in line for line in world.schema):
            world.schema.append(f"create rule bent as {action}")
    if world.odds(0.25):
        table = chance.choice(("d", "p", "h"))
        world.schema += [
            f"alter table {table} enable row level security",
            f"create policy seen on {table} using ({chance.choice(('t = 1', 'id > 0', 'false'))})",
            f"alter table {table} force row level security",
        ]
