"""The catalog of myloware against its two documents, the schema reference and the data model."""

import subprocess
from typing import LiteralString
from uuid import UUID

import pytest
from psycopg import Connection, errors
from psycopg.conninfo import make_conninfo

from dbkit.server import Binaries

COLUMNS = {
    "runs": """
        run_id text not null
        project text not null
        status text not null
        payload jsonb
        result jsonb
        created_at timestamp with time zone not null default now()
        updated_at timestamp with time zone not null default now()
    """,
    "artifacts": """
        id uuid not null default gen_random_uuid()
        run_id text not null
        type text not null
        url text
        provider text
        checksum text
        metadata jsonb not null default '{}'::jsonb
        retrieval_trace jsonb
        persona text
        created_at timestamp with time zone not null default now()
    """,
    "webhook_events": """
        id uuid not null default gen_random_uuid()
        idempotency_key text not null
        provider text not null
        headers jsonb not null
        payload bytea not null
        signature_status text not null
        received_at timestamp with time zone not null default now()
    """,
    "webhook_dlq": """
        id uuid not null default gen_random_uuid()
        idempotency_key text not null
        provider text not null
        headers jsonb not null
        payload bytea not null
        error text not null
        retry_count integer not null default 0
        next_retry_at timestamp with time zone
        last_error_at timestamp with time zone not null default now()
        created_at timestamp with time zone not null default now()
        updated_at timestamp with time zone not null default now()
    """,
    "orchestration_checkpoints": """
        run_id text not null
        state jsonb not null
        updated_at timestamp with time zone not null default now()
    """,
    "hitl_approvals": """
        id integer not null default nextval('hitl_approvals_id_seq'::regclass)
        run_id text not null
        gate text not null
        approver_ip text
        approver text
        metadata json
        created_at timestamp with time zone not null default now()
    """,
    "kb_documents": """
        id uuid not null default gen_random_uuid()
        project text
        persona text
        path text not null
        content text not null
        created_at timestamp with time zone not null default now()
    """,
    "kb_embeddings": """
        id uuid not null default gen_random_uuid()
        doc_id uuid not null
        embedding vector(1536)
    """,
    "socials": """
        id uuid not null default gen_random_uuid()
        provider text not null
        account_id text not null
        credential_ref text
        default_caption text
        default_tags jsonb
        privacy text
        rate_limit_window integer
        created_at timestamp with time zone not null default now()
    """,
    "project_socials": """
        id uuid not null default gen_random_uuid()
        project text not null
        social_id uuid not null
        is_primary boolean not null default false
        created_at timestamp with time zone not null default now()
    """,
}

# the run_id of checkpoints and of approvals is a foreign key in the documents' prose alone
# the last is ours: a project has an account once
KEYS = """
    runs_pkey PRIMARY KEY (run_id)
    artifacts_pkey PRIMARY KEY (id)
    artifacts_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs(run_id) ON DELETE CASCADE
    webhook_events_pkey PRIMARY KEY (id)
    uq_webhook_events_idempotency UNIQUE (idempotency_key)
    webhook_dlq_pkey PRIMARY KEY (id)
    uq_webhook_dlq_idempotency UNIQUE (idempotency_key, provider)
    orchestration_checkpoints_pkey PRIMARY KEY (run_id)
    orchestration_checkpoints_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs(run_id) ON DELETE CASCADE
    hitl_approvals_pkey PRIMARY KEY (id)
    hitl_approvals_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs(run_id)
    kb_documents_pkey PRIMARY KEY (id)
    kb_embeddings_pkey PRIMARY KEY (id)
    kb_embeddings_doc_id_fkey FOREIGN KEY (doc_id) REFERENCES kb_documents(id) ON DELETE CASCADE
    socials_pkey PRIMARY KEY (id)
    project_socials_pkey PRIMARY KEY (id)
    project_socials_social_id_fkey FOREIGN KEY (social_id) REFERENCES socials(id) ON DELETE CASCADE
    uq_project_socials_link UNIQUE (project, social_id)
"""  # noqa: E501 - one constraint a line, as the catalog prints it

# documented as ivfflat, which finds next to nothing where it is built before its data: see 0015
COSINE_INDEX = """
    CREATE INDEX idx_kb_embeddings_cosine ON kb_embeddings USING hnsw (embedding vector_cosine_ops)
"""

# what the documents say and do not hold: an artifact is once in its run, citations are one trace's
OWN_INDEXES = """
    CREATE INDEX idx_artifacts_run ON artifacts USING btree (run_id, created_at, id)
    CREATE INDEX idx_runs_running ON runs USING btree (updated_at, run_id) WHERE status = 'running'::text
    CREATE INDEX idx_webhook_events_received ON webhook_events USING btree (received_at, id)
    CREATE UNIQUE INDEX uq_artifacts_checksum ON artifacts USING btree (run_id, type, checksum) WHERE checksum IS NOT NULL
    CREATE UNIQUE INDEX uq_artifacts_citations ON artifacts USING btree ((metadata ->> 'traceId'::text)) WHERE type = 'citations'::text
"""  # noqa: E501 - one index a line, as the catalog prints it

INDEXES = """
    CREATE INDEX idx_artifacts_persona ON artifacts USING btree (persona)
    CREATE INDEX idx_webhook_dlq_next_retry ON webhook_dlq USING btree (next_retry_at)
    CREATE INDEX idx_webhook_dlq_provider ON webhook_dlq USING btree (provider)
    CREATE INDEX idx_hitl_approvals_run_id ON hitl_approvals USING btree (run_id)
    CREATE INDEX idx_kb_documents_project_persona ON kb_documents USING btree (project, persona)
    CREATE INDEX idx_kb_embeddings_doc ON kb_embeddings USING btree (doc_id)
"""


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.strip().splitlines()}


@pytest.fixture
def run(database: Connection) -> str:
    """A run that nothing refers to yet."""
    database.execute(
        "insert into runs (run_id, project, status) values ('run_1', 'aismr', 'running')"
    )
    return "run_1"


@pytest.mark.parametrize("table", COLUMNS)
def test_a_table_has_exactly_the_documented_columns(database: Connection, table: str) -> None:
    found = database.execute(
        """
        select concat_ws(
            ' ', attname, format_type(atttypid, atttypmod),
            case when attnotnull then 'not null' end, 'default ' || pg_get_expr(adbin, adrelid)
        )
        from pg_attribute
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where attrelid = %s::regclass and attnum > 0 and not attisdropped
        """,
        [table],
    )

    assert {line for (line,) in found} == lines(COLUMNS[table])


def test_keys_are_the_documented_ones_and_valid(database: Connection) -> None:
    found = database.execute(
        """
        select conname || ' ' || pg_get_constraintdef(oid)
        from pg_constraint
        where conrelid = any(%s::regclass[]) and contype in ('p', 'u', 'f')
        """,
        [list(COLUMNS)],
    )

    assert {line for (line,) in found} == lines(KEYS)


def test_indexes_are_the_documented_ones_and_our_own(
    database: Connection,
) -> None:
    found = database.execute(
        """
        select pg_get_indexdef(indexrelid, 0, true)
        from pg_index
        where
            indrelid = any(%s::regclass[])
            and indisvalid
            and not exists (select from pg_constraint where conindid = indexrelid)
        """,
        [list(COLUMNS)],
    )

    assert {line for (line,) in found} == lines(INDEXES) | lines(COSINE_INDEX) | lines(OWN_INDEXES)


def test_the_approvals_number_themselves_as_serial_does(database: Connection) -> None:
    [(sequence,)] = database.execute("select pg_get_serial_sequence('hitl_approvals', 'id')")

    assert sequence == "public.hitl_approvals_id_seq"


def test_an_artifact_gets_a_random_id_and_empty_metadata(database: Connection, run: str) -> None:
    [(id_, metadata)] = database.execute(
        "insert into artifacts (run_id, type) values (%s, 'idea') returning id, metadata", [run]
    )

    assert isinstance(id_, UUID)
    assert id_.version == 4
    assert metadata == {}


def test_a_run_takes_its_artifacts_and_its_checkpoint_with_it(
    database: Connection, run: str
) -> None:
    database.execute("insert into artifacts (run_id, type) values (%s, 'idea')", [run])
    database.execute("insert into orchestration_checkpoints values (%s, '{}')", [run])

    database.execute("delete from runs where run_id = %s", [run])

    [(left,)] = database.execute(
        "select (select count(*) from artifacts) + (select count(*) from orchestration_checkpoints)"
    )
    assert left == 0


def test_a_run_with_an_approval_cannot_be_deleted(database: Connection, run: str) -> None:
    database.execute("insert into hitl_approvals (run_id, gate) values (%s, 'ideate')", [run])

    with pytest.raises(errors.ForeignKeyViolation) as refusal:
        database.execute("delete from runs where run_id = %s", [run])

    assert refusal.value.diag.constraint_name == "hitl_approvals_run_id_fkey"


@pytest.mark.parametrize(
    "insert",
    [
        "insert into artifacts (run_id, type) values ('nowhere', 'idea')",
        "insert into orchestration_checkpoints (run_id, state) values ('nowhere', '{}')",
        "insert into hitl_approvals (run_id, gate) values ('nowhere', 'ideate')",
    ],
)
def test_nothing_belongs_to_a_run_that_does_not_exist(
    database: Connection, insert: LiteralString
) -> None:
    with pytest.raises(errors.ForeignKeyViolation, match="_run_id_fkey"):
        database.execute(insert)


def test_a_document_takes_its_embeddings_with_it(database: Connection) -> None:
    database.execute(
        "with document as (insert into kb_documents (path, content) values ('a', 'b') returning id)"
        " insert into kb_embeddings (doc_id) select id from document"
    )

    database.execute("delete from kb_documents")

    assert database.execute("select from kb_embeddings").rowcount == 0


def test_a_social_account_takes_its_projects_links_with_it(database: Connection) -> None:
    database.execute(
        "with social as (insert into socials (provider, account_id) values ('tiktok', '1')"
        " returning id)"
        " insert into project_socials (project, social_id) select 'aismr', id from social"
    )

    database.execute("delete from socials")

    assert database.execute("select from project_socials").rowcount == 0


def test_the_nearest_embeddings_are_found_through_the_index(database: Connection) -> None:
    database.execute("set local enable_seqscan = off")

    plan = database.execute(
        "explain select id from kb_embeddings"
        " order by embedding <=> array_fill(1, array[1536])::vector limit 5"
    )

    assert "idx_kb_embeddings_cosine" in "".join(line for (line,) in plan)


def add_event(database: Connection, key: str, provider: str, signature_status: str) -> None:
    database.execute(
        "insert into webhook_events (idempotency_key, provider, headers, payload, signature_status)"
        " values (%s, %s, '{}', '', %s)",
        [key, provider, signature_status],
    )


def add_dead_letter(database: Connection, key: str, provider: str) -> None:
    database.execute(
        "insert into webhook_dlq (idempotency_key, provider, headers, payload, error)"
        " values (%s, %s, '{}', '', 'timeout')",
        [key, provider],
    )


def test_an_event_key_is_taken_once_whatever_the_provider(database: Connection) -> None:
    add_event(database, "key", "kieai", "valid")

    with pytest.raises(errors.UniqueViolation, match="uq_webhook_events_idempotency"):
        add_event(database, "key", "shotstack", "valid")


def test_a_dead_letter_key_is_taken_once_for_each_provider(database: Connection) -> None:
    add_dead_letter(database, "key", "kieai")
    add_dead_letter(database, "key", "shotstack")

    with pytest.raises(errors.UniqueViolation, match="uq_webhook_dlq_idempotency"):
        add_dead_letter(database, "key", "kieai")


@pytest.mark.parametrize("signature_status", ["valid", "invalid", "missing"])
def test_a_documented_signature_status_is_stored(
    database: Connection, signature_status: str
) -> None:
    add_event(database, "key", "kieai", signature_status)

    [(stored,)] = database.execute("select signature_status from webhook_events")
    assert stored == signature_status


def test_another_signature_status_is_refused(database: Connection) -> None:
    with pytest.raises(errors.CheckViolation, match="webhook_events_signature_status_check"):
        add_event(database, "key", "kieai", "unknown")


@pytest.mark.parametrize("gate", ["workflow", "ideate", "prepublish"])
def test_a_documented_gate_is_stored(database: Connection, run: str, gate: str) -> None:
    database.execute("insert into hitl_approvals (run_id, gate) values (%s, %s)", [run, gate])

    [(stored,)] = database.execute("select gate from hitl_approvals")
    assert stored == gate


def test_another_gate_is_refused(database: Connection, run: str) -> None:
    with pytest.raises(errors.CheckViolation, match="hitl_approvals_gate_check"):
        database.execute("insert into hitl_approvals (run_id, gate) values (%s, 'back')", [run])


def test_only_the_two_closed_lists_are_checked_and_both_are_valid(database: Connection) -> None:
    found = database.execute(
        """
        select conname, convalidated
        from pg_constraint
        where conrelid = any(%s::regclass[]) and contype = 'c'
        order by conname
        """,
        [list(COLUMNS)],
    )

    assert found.fetchall() == [
        ("hitl_approvals_gate_check", True),
        ("webhook_events_signature_status_check", True),
    ]


@pytest.mark.parametrize("table", ["", "runs", "artifacts", "webhook_events"])
def test_psql_shows_the_schema_as_documented(
    database: Connection, binaries: Binaries, table: str
) -> None:
    info = database.info
    url = make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)
    command = rf"\d+ {table}" if table else r"\dt"

    shown = subprocess.run(
        [binaries.psql, "-qX", url, "-c", command], capture_output=True, text=True, check=True
    )

    for name in COLUMNS if not table else lines(COLUMNS[table]):
        assert name.split()[0] in shown.stdout
