"""Read what hangs on an object besides its definition, and put it back after it was made anew."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import psycopg

from dbkit.migrations.definitions import Address
from dbkit.migrations.ledger import AppliedObject, left_out_objects

_RIGHTS = """
with object as (
    select
        given.class,
        given.object,
        coalesce(relation.relowner, routine.proowner) as owner,
        coalesce(
            relation.relacl,
            routine.proacl,
            acldefault('r', relation.relowner),
            acldefault('f', routine.proowner)
        ) as acl
    from unnest(%s::oid[], %s::oid[]) as given(class, object)
    left join pg_class as relation
        on given.class = 'pg_class'::regclass
        and relation.oid = given.object
    left join pg_proc as routine
        on given.class = 'pg_proc'::regclass
        and routine.oid = given.object
),
attribute as (
    select object.class, object.object, attribute.attnum, attribute.attname, attribute.attacl
    from object
    inner join pg_attribute as attribute
        on object.class = 'pg_class'::regclass
        and attribute.attrelid = object.object
        and attribute.attnum > 0
        and not attribute.attisdropped
)
select
    object.class,
    object.object,
    pg_get_userbyid(object.owner)::text as owner,
    (
        select coalesce(json_agg(attribute.attname), '[]')
        from attribute
        where (attribute.class, attribute.object) = (object.class, object.object)
    ) as columns,
    (
        select
            coalesce(
                json_agg(
                    json_build_array(
                        source.name,
                        pg_get_userbyid(nullif(item.grantee, 0)),
                        item.privilege_type,
                        item.is_grantable
                    )
                ),
                '[]'
            )
        from (
            select null as name, object.acl
            union all
            select attribute.attname, attribute.attacl
            from attribute
            where (attribute.class, attribute.object) = (object.class, object.object)
        ) as source
        cross join lateral aclexplode(source.acl) as item
    ) as grants,
    (
        select coalesce(json_agg(json_build_array(attribute.attname, comment.description)), '[]')
        from pg_description as comment
        left join attribute
            on attribute.class = object.class
            and attribute.object = object.object
            and attribute.attnum = comment.objsubid
        where
            comment.classoid = object.class
            and comment.objoid = object.object
    ) as comments,
    (
        select
            coalesce(
                json_agg(
                    json_build_array(
                        entry.classid::bigint,
                        entry.objid::bigint,
                        part.type || ' ' || part.identity
                    )
                ),
                '[]'
            )
        from pg_depend as entry
        cross join lateral
            pg_identify_object(entry.classid, entry.objid, entry.objsubid) as part
        where
            entry.refclassid = object.class
            and entry.refobjid = object.object
            and entry.deptype = 'a'
    ) as parts,
    (
        select
            case trigger.tgenabled
                when 'D' then 'disable'
                when 'R' then 'enable replica'
                when 'A' then 'enable always'
                else 'enable'
            end
        from pg_trigger as trigger
        where
            object.class = 'pg_trigger'::regclass
            and trigger.oid = object.object
    ) as firing
from object
"""
_PARTS = """
select
    given.relation,
    array(
        select part.type || ' ' || part.identity
        from pg_depend as entry
        cross join lateral
            pg_identify_object(entry.classid, entry.objid, entry.objsubid) as part
        where
            entry.refclassid = 'pg_class'::regclass
            and entry.refobjid = given.relation
            and entry.deptype = 'a'
        order by 1
    )
from unnest(%s::oid[]) as given(relation)
"""
# no role is called so
_OWNER = ""
_ROUTINES = {"function", "procedure", "aggregate"}


class Grant(NamedTuple):
    """One right of one role, or of the owner, or without a role of everybody."""

    column: str | None
    role: str | None
    privilege: str
    grantable: bool


@dataclass(frozen=True, slots=True)
class Rights:
    """The owner of an object, and what people granted, said and made on it."""

    owner: str | None
    columns: frozenset[str]
    grants: frozenset[Grant]
    # the text for the object (None) and for each of its columns
    comments: Mapping[str | None, str]
    # what goes with the object when it is dropped: indexes, triggers, rules; without those that its
    # file made, as far as that is known
    parts: frozenset[str]
    # when a trigger fires
    firing: str | None
    # those of the parts of which it is known that no file made them
    by_hand: Sequence[str] = ()

    def differences(self, now: "Rights", entry: AppliedObject) -> Iterator[str]:
        """Return the statements that give an object what it had; the owner is as it was."""
        columns = now.columns | {None}
        wanted = {grant for grant in self.grants if grant.column in columns}
        for grant in sorted(now.grants - wanted, key=str):
            yield f"revoke {_right(grant, entry)} from {now.role(grant)}"
        for grant in sorted(wanted - now.grants, key=str):
            option = " with grant option" if grant.grantable else ""
            yield f"grant {_right(grant, entry)} to {now.role(grant)}{option}"
        for column, text in self.comments.items():
            if column in columns and column not in now.comments:
                yield f"comment on {_commented(column, entry)} is {_literal(text)}"
        if self.firing and self.firing != now.firing:
            name, _, table = entry.identity.partition(" on ")
            yield f"alter table {table} {self.firing} trigger {name}"

    def as_json(self) -> str:
        """Return what is kept of them in the books; what goes with a drop is not to come again."""
        return json.dumps(
            {
                "owner": self.owner,
                "columns": sorted(self.columns),
                "grants": sorted(self.grants, key=str),
                "comments": [*self.comments.items()],
                "firing": self.firing,
            },
            # a database in SQL_ASCII takes no escapes for what is not in ASCII
            ensure_ascii=False,
        )

    @classmethod
    def of_json(cls, kept: Mapping[str, Any], roles: Collection[str]) -> "Rights":
        """Return what was kept in the books, without the roles that are gone since."""
        grants = (Grant(*grant) for grant in kept["grants"])
        return cls(
            kept["owner"] if kept["owner"] in roles else None,
            frozenset(kept["columns"]),
            frozenset(grant for grant in grants if grant.role in {None, _OWNER, *roles}),
            dict(kept["comments"]),
            frozenset(),
            kept["firing"],
        )

    def without_parts(self, made: str | None) -> "Rights":
        """Return them without the parts that the file of the object made, if that is known."""
        if made is None:
            return self
        by_hand = self.parts.difference(json.loads(made))
        return replace(self, parts=by_hand, by_hand=sorted(by_hand))

    def role(self, grant: Grant) -> str:
        """Return the role that a right is given to, as a command names it."""
        if grant.role is None:
            return "public"
        return _quoted(self.owner or "" if grant.role == _OWNER else grant.role)

    def change_of_owner(self, now: "Rights", entry: AppliedObject) -> str:
        """Return the statement that gives an object its owner, or nothing."""
        if self.owner is None or self.owner == now.owner:
            return ""
        return f"alter {kind(entry)} {entry.identity} owner to {_quoted(self.owner)}"


def read_rights(
    connection: psycopg.Connection, objects: Iterable[Address], ours: Iterable[Address] = ()
) -> dict[Address, Rights]:
    """Return the rights of objects; `ours` are parts that have a file of their own."""
    addresses = list(objects)
    if not addresses:
        return {}
    catalogs, numbers = zip(*addresses, strict=True)
    own = frozenset(ours)
    return {
        Address(catalog, number): Rights(
            owner,
            frozenset(columns),
            frozenset(
                Grant(column, _OWNER if role == owner else role, *rest)
                for column, role, *rest in grants
            ),
            dict(comments),
            frozenset(text for *address, text in parts if Address(*address) not in own),
            firing,
        )
        for catalog, number, owner, columns, grants, comments, parts, firing in connection.execute(
            _RIGHTS, [list(catalogs), list(numbers)]
        )
    }


def read_parts(
    connection: psycopg.Connection, relations: Collection[Address]
) -> dict[Address, str]:
    """Return what goes with each of these views when it is dropped, as JSON."""
    by_number = {address.object: address for address in relations}
    if not by_number:
        return {}
    rows = connection.execute(_PARTS, [list(by_number)])
    # a database in SQL_ASCII takes no escapes for what is not in ASCII
    return {by_number[number]: json.dumps(parts, ensure_ascii=False) for number, parts in rows}


def read_kept_rights(connection: psycopg.Connection, books: str) -> dict[str, Rights]:
    """Return the rights of objects that an earlier run left out, by the names of their files."""
    kept = left_out_objects(connection, books)
    if not kept:
        return {}
    roles = {role for (role,) in connection.execute("select rolname::text from pg_roles")}
    return {path: Rights.of_json(rights, roles) for path, rights in kept.items()}


def kind(entry: AppliedObject) -> str:
    """Return the word for the type of an object that any command takes with its identity."""
    # an aggregate without arguments would have to be written with an asterisk
    return "routine" if entry.type in _ROUTINES else entry.type


def _right(grant: Grant, entry: AppliedObject) -> str:
    columns = f" ({_quoted(grant.column)})" if grant.column else ""
    of = "routine" if entry.type in _ROUTINES else "table"
    return f"{grant.privilege}{columns} on {of} {entry.identity}"


def _commented(column: str | None, entry: AppliedObject) -> str:
    if column is None:
        return f"{kind(entry)} {entry.identity}"
    return f"column {entry.identity}.{_quoted(column)}"


def _literal(text: str) -> str:
    return "E'{}'".format(text.replace("\\", "\\\\").replace("'", "''"))


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))
