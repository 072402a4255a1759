"""A signed call starts a run; any other call leaves no trace."""

import json
import time
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors

from dbkit.systems.ai_orchestration import audit_logs, tenants, webhooks, workflows
from dbkit.systems.ai_orchestration.webhook_calls import (
    TOLERANCE,
    SilentWebhook,
    StaleCall,
    UnknownWebhook,
    UnreadableBody,
    WrongSignature,
    new_secret,
    rotate_secret,
    sign,
    trigger,
    verify,
)
from tests.systems.ai_orchestration.conftest import AtOnce

BODY = json.dumps({"user": {"email": "ada@example.org"}, "tags": ["a", "b"], "n": 1}).encode()
NOON = 1_767_268_800
KEY = "key"


class Hook(NamedTuple):
    """A webhook as the other system knows it."""

    tenant: UUID
    id: UUID
    secret: str


@pytest.fixture
def hook(database: Connection, tenant: UUID, workflow: UUID) -> Hook:
    """A webhook of a published workflow."""
    return add(database, tenant, workflow, None)


def add(database: Connection, tenant: UUID, workflow: UUID, mapping: dict[str, str] | None) -> Hook:
    secret = new_secret()
    webhook_id = webhooks.add(
        database,
        tenant_id=tenant,
        workflow_id=workflow,
        name="orders",
        description=None,
        secret=secret,
        input_mapping=mapping,
        created_by=None,
    )
    assert webhook_id
    return Hook(tenant, webhook_id, secret)


def call(
    database: Connection, hook: Hook, body: bytes = BODY, different: dict[str, Any] | None = None
) -> webhooks.TriggerRow:
    now = int(time.time())
    signature = sign(body, secret=hook.secret, timestamp=now)
    parts: dict[str, Any] = {
        "body": body,
        "timestamp": now,
        "signature": signature,
        **(different or {}),
    }
    return trigger(database, tenant_id=hook.tenant, webhook_id=hook.id, **parts)


def count_runs(database: Connection) -> int:
    return database.execute("select from runs").rowcount


def triggered(database: Connection, hook: Hook) -> int:
    found = webhooks.find(database, tenant_id=hook.tenant, webhook_id=hook.id)
    assert found
    assert (found.last_triggered_at is None) is (found.trigger_count == 0)
    return found.trigger_count


def test_a_signed_call_starts_a_run_of_the_newest_version(
    database: Connection, tenant: UUID, workflow: UUID, hook: Hook
) -> None:
    published = workflows.publish(database, tenant_id=tenant, workflow_id=workflow)

    run = call(database, hook)

    assert published
    assert (run.workflow_id, run.workflow_version) == (workflow, published.version)
    assert (run.status, run.input) == ("pending", json.loads(BODY))
    row = database.execute("select triggered_by, mode from runs where id = %s", [run.id]).fetchone()
    assert row == ("webhook", "production")
    assert triggered(database, hook) == 1


def test_a_triggered_run_is_in_the_audit_log(database: Connection, hook: Hook) -> None:
    run = call(database, hook)

    [entry] = audit_logs.list_recent(database, tenant_id=hook.tenant, action="execute")
    assert (entry.resource_type, entry.resource_id) == ("run", run.id)
    assert entry.metadata == {"webhook_id": str(hook.id), "workflow_id": str(run.workflow_id)}


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (None, json.loads(BODY)),
        ({}, {}),
        ({"to": "$.user.email", "first": "$.tags[0]"}, {"to": "ada@example.org", "first": "a"}),
        ({"all": "$"}, {"all": json.loads(BODY)}),
        ({"missing": "$.nobody.here"}, {"missing": None}),
        (
            {"strictly": "strict $.nobody.here", "not a number": "$.tags.double()"},
            {"strictly": None, "not a number": None},
        ),
        ({"of many": "$.tags[*]"}, {"of many": "a"}),
        ({"some": '$.tags[*] ? (@ == "b")'}, {"some": "b"}),
        ({"always": "7"}, {"always": 7}),
    ],
)
def test_the_input_is_what_the_mapping_finds(
    database: Connection,
    tenant: UUID,
    workflow: UUID,
    mapping: dict[str, str] | None,
    expected: object,
) -> None:
    run = call(database, add(database, tenant, workflow, mapping))

    assert run.input == expected


def test_a_mapping_that_is_no_jsonpath_is_refused_when_it_is_written(
    database: Connection, tenant: UUID, workflow: UUID, hook: Hook
) -> None:
    with pytest.raises(errors.SyntaxError), database.transaction():
        add(database, tenant, workflow, {"to": "$.user..email"})
    with pytest.raises(errors.SyntaxError), database.transaction():
        webhooks.change(
            database,
            tenant_id=tenant,
            webhook_id=hook.id,
            name="orders",
            description=None,
            input_mapping={"to": "not a path"},
        )


@pytest.mark.parametrize(
    "different",
    [
        {"signature": "sha256=" + "0" * 64},
        {"signature": ""},
        {"signature": "sïgnature"},
        {"signature": sign(BODY, secret=KEY, timestamp=NOON), "timestamp": NOON},
        {"timestamp": NOON},
    ],
)
def test_a_call_with_another_signature_leaves_no_trace(
    database: Connection, hook: Hook, different: dict[str, Any]
) -> None:
    with pytest.raises(WrongSignature):
        call(database, hook, different=different)

    assert (count_runs(database), triggered(database, hook)) == (0, 0)


def test_a_body_changed_on_the_way_is_refused() -> None:
    signature = sign(BODY, secret=KEY, timestamp=NOON)

    with pytest.raises(WrongSignature):
        verify(BODY + b" ", secret=KEY, timestamp=NOON, signature=signature, now=NOON)


@pytest.mark.parametrize("seconds", [-TOLERANCE - 1, TOLERANCE + 1])
def test_a_call_sent_again_later_is_refused(seconds: int) -> None:
    signature = sign(BODY, secret=KEY, timestamp=NOON)

    for late in (-TOLERANCE, 0, TOLERANCE):
        verify(BODY, secret=KEY, timestamp=NOON, signature=signature, now=NOON + late)
    with pytest.raises(StaleCall, match=f"more than {TOLERANCE} seconds"):
        verify(BODY, secret=KEY, timestamp=NOON, signature=signature, now=NOON + seconds)


def test_the_signature_is_the_hmac_that_other_programs_make() -> None:
    # printf '1767268800.{}' | openssl dgst -sha256 -hmac key
    assert sign(b"{}", secret=KEY, timestamp=NOON) == (
        "sha256=b2f88ba35b688b259658d6309df35f77dcc10bb766c45babee99e5bd6416a982"
    )


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b"[Infinity]", b"[" * 100_000])
def test_a_signed_body_that_is_not_json_is_refused(
    database: Connection, hook: Hook, body: bytes
) -> None:
    with pytest.raises(UnreadableBody):
        call(database, hook, body)

    assert triggered(database, hook) == 0


def test_a_disabled_webhook_starts_nothing_until_it_is_enabled(
    database: Connection, hook: Hook
) -> None:
    where: dict[str, Any] = {"tenant_id": hook.tenant, "webhook_id": hook.id}
    assert webhooks.change_enabled(database, **where, enabled=False) == 1
    assert webhooks.change_enabled(database, **where, enabled=False) == 0

    with pytest.raises(SilentWebhook):
        call(database, hook)
    assert (count_runs(database), triggered(database, hook)) == (0, 0)

    webhooks.change_enabled(database, **where, enabled=True)
    assert call(database, hook)


def test_nothing_starts_where_nothing_can(
    database: Connection, tenant: UUID, workflow: UUID, hook: Hook
) -> None:
    draft = workflows.add(
        database,
        tenant_id=tenant,
        name="draft",
        description=None,
        input_schema=None,
        output_schema=None,
        created_by=None,
    )
    with pytest.raises(SilentWebhook):
        call(database, add(database, tenant, draft, None))

    workflows.remove(database, tenant_id=tenant, workflow_id=workflow)
    with pytest.raises(SilentWebhook):
        call(database, hook)

    workflows.restore(database, tenant_id=tenant, workflow_id=workflow)
    tenants.remove(database, tenant_id=tenant)
    with pytest.raises(SilentWebhook):
        call(database, hook)
    assert triggered(database, hook) == 0


def test_a_webhook_is_known_under_its_own_tenant_alone(
    database: Connection, stranger: UUID, workflow: UUID, hook: Hook
) -> None:
    with pytest.raises(UnknownWebhook):
        call(database, hook._replace(tenant=stranger))
    with pytest.raises(UnknownWebhook):
        rotate_secret(database, tenant_id=stranger, webhook_id=hook.id)
    added = webhooks.add(
        database,
        tenant_id=stranger,
        workflow_id=workflow,
        name="mine",
        description=None,
        secret=KEY,
        input_mapping=None,
        created_by=None,
    )
    assert added is None


def test_after_a_rotation_the_old_key_signs_nothing(database: Connection, hook: Hook) -> None:
    secret = rotate_secret(database, tenant_id=hook.tenant, webhook_id=hook.id)

    assert secret != hook.secret
    with pytest.raises(WrongSignature):
        call(database, hook)
    assert call(database, hook._replace(secret=secret))


def test_many_calls_at_once_are_each_counted_once(
    database: Connection, hook: Hook, at_once: AtOnce
) -> None:
    runs = at_once(8, lambda connection, _: call(connection, hook).id)

    assert len(set(runs)) == 8
    assert (count_runs(database), triggered(database, hook)) == (8, 8)


def test_a_removed_webhook_is_unknown_until_it_is_restored(
    database: Connection, hook: Hook
) -> None:
    where: dict[str, Any] = {"tenant_id": hook.tenant, "webhook_id": hook.id}
    assert webhooks.remove(database, **where) == 1

    with pytest.raises(UnknownWebhook):
        call(database, hook)
    assert webhooks.find(database, **where) is None
    assert webhooks.list_for_tenant(database, tenant_id=hook.tenant) == []

    assert webhooks.restore(database, **where) == 1
    assert call(database, hook)


def test_webhooks_are_listed_without_their_keys(
    database: Connection, workflow: UUID, hook: Hook
) -> None:
    where: dict[str, Any] = {"tenant_id": hook.tenant, "webhook_id": hook.id}
    changes: dict[str, Any] = {
        "name": "bills",
        "description": "sent monthly",
        "input_mapping": {"all": "$"},
    }
    webhooks.change(database, **where, **changes)

    [listed] = webhooks.list_for_tenant(
        database, tenant_id=hook.tenant, workflow_id=workflow, sort="trigger_count"
    )

    assert (listed.name, listed.description, listed.input_mapping) == tuple(changes.values())
    assert webhooks.list_for_tenant(database, tenant_id=hook.tenant, workflow_id=uuid4()) == []
    assert hook.secret not in repr(listed)


def test_no_key_is_in_the_audit_log(database: Connection, hook: Hook) -> None:
    secret = rotate_secret(database, tenant_id=hook.tenant, webhook_id=hook.id)

    entries = audit_logs.list_recent(database, tenant_id=hook.tenant, resource_type="webhook")

    assert sorted(entry.action for entry in entries) == ["create", "update"]
    assert not any(key in repr(entries) for key in (secret, hook.secret))
