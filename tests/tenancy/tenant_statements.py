"""Random statements on tables of tenants; most bind the tenant somewhere, few everywhere."""

from random import Random

_WITH_TENANT = ("workflows", "runs", "users", "adapters")
_TABLES = (*_WITH_TENANT, "steps", "edges", "parts", "step_runs", "workflow_sizes")
_COLUMNS = {
    "workflows": ("id", "parent_id"),
    "runs": ("id", "workflow_id"),
    "users": ("id",),
    "adapters": ("id",),
    "steps": ("id", "workflow_id"),
    "edges": ("id", "workflow_id", "source_id"),
    "parts": ("workflow_id", "number"),
    "step_runs": ("id", "run_id"),
    "workflow_sizes": ("id", "steps"),
}
_JOINS = ("join", "join", "left join", "right join", "full join")


class Made:
    """One statement in the making."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)  # noqa: S311 - statements, not secrets
        self._aliases: list[tuple[str, str]] = []

    def statement(self) -> str:
        """Make a statement."""
        match self._chance.randrange(10):
            case 0:
                return self._change("update", "set id = t.id")
            case 1:
                return self._change("delete from", "")
            case 2:
                arms = [Made(self._chance.randrange(1 << 30)).select() for _ in range(2)]
                words = self._chance.choice(["union", "union all", "except", "intersect"])
                return f"({arms[0]}) {words} ({arms[1]})"
            case 3:
                made = self.select(several=True)
                return f"with x as ({made}) select y.* from x as y where {self._mine('y')}"
            case _:
                return self.select()

    def select(self, *, several: bool = False) -> str:
        """Make a query whose rows have a number, or a tenant and a number."""
        source = self._source(self._chance.randrange(1, 4))
        table, alias = self._chance.choice(self._aliases)
        shown = f"{alias}.{self._chance.choice(_COLUMNS[table])}"
        if several:
            aliases = [alias for name, alias in self._aliases if name in _WITH_TENANT]
            tenant = f"{aliases[0]}.tenant_id" if aliases else "0"
            return f"select {tenant} as tenant_id, {shown} from {source} where {self._where()}"
        if self._chance.random() < 0.2:
            whole = f"select count(*) from {source} where {self._where()} group by {shown}"
            return f"{whole} having {self._having(shown)}"
        return f"select {shown} from {source} where {self._where()}"

    def _change(self, command: str, assignment: str) -> str:
        source = "" if self._chance.random() < 0.3 else self._source(self._chance.randrange(1, 3))
        table = self._chance.choice(["workflows", "runs", "steps", "adapters"])
        self._aliases.append((table, "t"))
        words = "from" if command == "update" else "using"
        joined = f"{words} {source}" if source else ""
        return f"{command} {table} as t {assignment} {joined} where {self._where()}"

    def _source(self, size: int) -> str:
        if size == 1:
            return self._relation()
        left = self._source(size - 1)
        right = self._relation()
        if size > 2 and self._chance.random() < 0.3:
            return f"{right} {self._chance.choice(_JOINS)} ({left}) on {self._on()}"
        return f"{left} {self._chance.choice(_JOINS)} {right} on {self._on()}"

    def _relation(self) -> str:
        table = self._chance.choice(_TABLES)
        alias = f"x{len(self._aliases)}"
        self._aliases.append((table, alias))
        if self._chance.random() < 0.7:
            return f"{table} as {alias}"
        within = f"select * from {table} as i"
        if table in _WITH_TENANT and self._chance.random() < 0.5:
            within += f" where {self._mine('i')}"
        if self._chance.random() < 0.15:
            within += f" order by {_COLUMNS[table][0]} limit 2"
        return f"({within}) as {alias}"

    def _on(self) -> str:
        return " and ".join([self._atom(recent=True), *self._atoms(self._chance.randrange(2))])

    def _having(self, key: str) -> str:
        mine = "select id from workflows where tenant_id = :tenant_id"
        return self._chance.choice(["true", f"{key} = 1", f"{key} in ({mine})"])

    def _where(self) -> str:
        bound = [self._mine(alias) for table, alias in self._aliases if self._has_tenant(table)]
        kept = [condition for condition in bound if self._chance.random() < 0.6]
        atoms = [*kept, *self._atoms(self._chance.randrange(3))] or ["true"]
        words = " or " if self._chance.random() < 0.1 else " and "
        return words.join(atoms)

    def _atoms(self, count: int) -> list[str]:
        return [self._atom() for _ in range(count)]

    def _has_tenant(self, table: str) -> bool:
        return table in _WITH_TENANT or table == "workflow_sizes"

    def _mine(self, alias: str) -> str:
        null = f"({alias}.tenant_id = :tenant_id or {alias}.tenant_id is null)"
        return self._chance.choice([f"{alias}.tenant_id = :tenant_id"] * 5 + [null])

    def _atom(self, *, recent: bool = False) -> str:
        table, alias = self._aliases[-1] if recent else self._chance.choice(self._aliases)
        other, second = self._chance.choice(self._aliases)
        column = f"{alias}.{self._chance.choice(_COLUMNS[table])}"
        key = f"{second}.{self._chance.choice(_COLUMNS[other])}"
        both = self._has_tenant(table) and self._has_tenant(other)
        tenant = f"{alias}.tenant_id = {second}.tenant_id" if both else f"{column} = {key}"
        mine = self._mine(alias) if self._has_tenant(table) else f"{column} = {key}"
        return self._chance.choice(
            [
                tenant,
                tenant,
                mine,
                f"{column} = {key}",
                f"{column} = {key}",
                f"{column} in (select id from workflows where tenant_id = :tenant_id)",
                f"{column} in (select id from runs where tenant_id = :tenant_id)",
                f"{column} not in (select id from workflows where tenant_id = :tenant_id)",
                f"exists (select from runs as o where o.id = {column} and {self._mine('o')})",
                f"exists (select from steps as o where {column} = o.workflow_id and {key} = o.id)",
                f"({tenant} or {mine})",
                f"{column} is null",
                "true",
            ]
        )
