"""A database that the document's own statements made is taken over with its data."""

import re
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import Connection

from dbkit import STEADY, open_database
from dbkit.cli.app import cli
from dbkit.operations.schema import compare, read_schema
from dbkit.systems.ai_orchestration import runs, tenants, workflows
from dbkit.systems.ai_orchestration.interpreter import interpret
from dbkit.systems.ai_orchestration.leased_runs import work_once
from tests.addresses import url_of
from tests.conftest import ROOT
from tests.systems.ai_orchestration.test_schema import ROWS

PAGE = (ROOT / "docs" / "systems" / "ai_orchestration.md").read_text()
DOCUMENTED = (ROOT / "tests" / "files" / "adopting" / "ai_orchestration.sql").read_text()
TENANT = "00000000-0000-0000-0000-000000000001"
# the document promises it in its prose, and its tables show it on two of them
SOFT_DELETE = "".join(
    f"alter table {table} add column deleted_at timestamptz;"
    for table in ("users", "schedules", "webhooks", "adapters", "secrets")
)
BUILTIN = f"""
insert into tenants (id, name, slug) values ('{TENANT}', 'Default', 'default');
insert into adapters (id, name, type)
values ('mock', 'M', 'builtin'), ('openai', 'O', 'builtin'), ('anthropic', 'A', 'builtin'),
    ('http', 'H', 'builtin');
"""
USED = """
update runs set status = 'running', started_at = now();
insert into workflow_versions (workflow_id, version, definition, published_by)
select id, 1, '{"steps": [], "edges": [], "block_groups": []}', created_by from workflows;
"""


def dbkit(*arguments: str) -> str:
    ran = CliRunner().invoke(cli, list(arguments))
    assert ran.exit_code == 0, ran.output
    return ran.output


@pytest.mark.parametrize(("more", "version"), [("", 15), (SOFT_DELETE, 16)])
def test_a_documented_database_is_adopted_with_its_data_and_goes_on_working(
    more: str,
    version: int,
    empty_url: str,
    database: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        for statements in (DOCUMENTED, more, BUILTIN, ROWS, USED):
            connection.execute(statements.encode())

    adopted = dbkit("adopt", "ai_orchestration", "--url", empty_url)
    dbkit("migrate", "ai_orchestration", "--url", empty_url)

    assert f"ai_orchestration: recorded at version {version} of " in adopted
    with psycopg.connect(empty_url) as connection:
        # nothing needs it any more
        connection.execute("drop function uuid_generate_v4()")
        assert compare(read_schema(database), read_schema(connection)) == []
        tenant = tenants.find_by_slug(connection, slug="default")
        assert tenant
        [workflow] = workflows.list_for_tenant(connection, tenant_id=tenant.id)
        # what was running when it was adopted has an hour, and comes back then
        [(lease,)] = connection.execute("select leased_until > now() from runs").fetchall()
        connection.execute("update runs set leased_until = now() - interval '1 second'")
        taken = runs.claim_next(connection, worker="w")
        published = workflows.publish(connection, tenant_id=tenant.id, workflow_id=workflow.id)

    assert (lease, bool(taken), bool(published)) == (True, True, True)


def test_nulls_of_a_documented_database_become_the_defaults(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    loose = (
        "update tenants set settings = null, created_at = null;"
        "update block_groups set width = null; update block_group_runs set status = null;"
    )
    with psycopg.connect(empty_url, autocommit=True) as connection:
        for statements in (DOCUMENTED, BUILTIN, ROWS, loose):
            connection.execute(statements.encode())

    dbkit("adopt", "ai_orchestration", "--url", empty_url)
    dbkit("migrate", "ai_orchestration", "--url", empty_url)

    with psycopg.connect(empty_url) as connection:
        tenant = tenants.find_by_slug(connection, slug="default")
        rows = connection.execute("select width from block_groups").fetchall()
        passes = connection.execute("select status from block_group_runs").fetchall()
    assert tenant
    assert (tenant.settings, rows, passes) == ({}, [(400,), (400,)], [("pending",)])


def test_the_page_starts_a_first_run(database: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    program, _ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {"connection": database}

    exec(program, names)  # noqa: S102 - it is the page's own
    database.commit()
    with open_database(url_of(database), STEADY) as pool:
        outcome = work_once(pool, interpret)

    found = runs.find_with_step_runs(
        database, tenant_id=UUID(TENANT), run_id=UUID(str(names["run"]))
    )
    assert outcome == "completed"
    assert found
    assert found.output == {"sum up": "all is well"}


@pytest.mark.usefixtures("own_session")
def test_the_page_reads_as_the_application(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    _, program = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    database.commit()
    names: dict[str, object] = {
        "open_database": open_database,
        "workflows": workflows,
        "url": url_of(database),
        "tenant": UUID(TENANT),
    }

    exec(program, names)  # noqa: S102 - it is the page's own
