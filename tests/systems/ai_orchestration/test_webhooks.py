"""A signed call starts a run; any other call leaves no trace."""

import asyncio
import json
import time
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection, Connection, errors

from dbkit.systems.ai_orchestration import audit_logs, tenants, webhooks, workflows
from dbkit.systems.ai_orchestration.webhook_calls import (
    TOLERANCE,
    BadDeliveryId,
    SilentWebhook,
    StaleCall,
    UnknownWebhook,
    UnreadableBody,
    WrongSignature,
    new_secret,
    rotate_secret,
    rotate_secret_async,
    sign,
    trigger,
    trigger_async,
    verify,
)
from tests.addresses import url_of
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


def test_while_a_key_is_changed_both_sign_until_the_old_one_ends(
    database: Connection, hook: Hook
) -> None:
    key: dict[str, Any] = {"tenant_id": hook.tenant, "webhook_id": hook.id}
    sent = signed(hook)
    day = timedelta(days=1)

    new = hook._replace(secret=rotate_secret(database, **key, overlap=day))
    first, other = trigger(database, **sent), call(database, new, b"{}")
    signature = sign(BODY, secret=new.secret, timestamp=sent["timestamp"])
    sent_anew: dict[str, Any] = {**sent, "signature": signature}
    again = trigger(database, **sent_anew)
    database.execute("update webhooks set old_secret_until = now()")
    with pytest.raises(WrongSignature):
        call(database, hook)
    newest = hook._replace(secret=rotate_secret(database, **key, overlap=day))
    removed = [webhooks.remove_old_secret(database, **key) for _ in range(2)]

    assert other.id != first.id
    assert (again.id, again.is_first) == (first.id, False)
    assert removed == [1, 0]
    with pytest.raises(WrongSignature):
        call(database, new)
    assert call(database, newest)


def test_a_rotation_without_an_overlap_ends_one_before(database: Connection, hook: Hook) -> None:
    key: dict[str, Any] = {"tenant_id": hook.tenant, "webhook_id": hook.id}
    second = hook._replace(secret=rotate_secret(database, **key, overlap=timedelta(days=1)))
    third = hook._replace(secret=rotate_secret(database, **key))

    for refused in (hook, second):
        with pytest.raises(WrongSignature):
            call(database, refused)
    assert call(database, third)


def test_many_calls_at_once_are_each_counted_once(
    database: Connection, hook: Hook, at_once: AtOnce
) -> None:
    runs = at_once(8, lambda connection, number: call(connection, hook, b"%d" % number).id)

    assert len(set(runs)) == 8
    assert (count_runs(database), triggered(database, hook)) == (8, 8)


def signed(hook: Hook, body: bytes = BODY, delivery_id: str | None = None) -> dict[str, Any]:
    """Sign a call once, to be sent any number of times."""
    now = int(time.time())
    return {
        "tenant_id": hook.tenant,
        "webhook_id": hook.id,
        "body": body,
        "timestamp": now,
        "signature": sign(body, secret=hook.secret, timestamp=now, delivery_id=delivery_id),
    }


def test_equal_calls_at_once_start_one_run(
    database: Connection, hook: Hook, at_once: AtOnce
) -> None:
    same = signed(hook)

    runs = at_once(8, lambda connection, _: trigger(connection, **same))

    assert len({run.id for run in runs}) == 1
    assert sorted(run.is_first for run in runs) == [False] * 7 + [True]
    assert (count_runs(database), triggered(database, hook)) == (1, 1)
    assert len(audit_logs.list_recent(database, tenant_id=hook.tenant, action="execute")) == 1


def test_a_delivery_that_is_signed_anew_starts_no_second_run(
    database: Connection, hook: Hook
) -> None:
    first = trigger(database, **signed(hook, b"1", "order-1"), delivery_id="order-1")
    again = trigger(database, **signed(hook, b"2", "order-1"), delivery_id="order-1")
    other = trigger(database, **signed(hook, b"1", "order-2"), delivery_id="order-2")

    assert (again.id, again.is_first, again.input) == (first.id, False, 1)
    assert (first.is_first, other.is_first) == (True, True)
    assert count_runs(database) == 2


def test_an_id_that_is_not_signed_makes_no_other_call_of_the_same(
    database: Connection, hook: Hook
) -> None:
    same = signed(hook)

    first = trigger(database, **same, delivery_id="order-1")
    forged = trigger(database, **same, delivery_id="order-2")

    assert (forged.id, forged.is_first) == (first.id, False)


def test_an_id_that_is_signed_is_not_taken_away_nor_changed(
    database: Connection, hook: Hook
) -> None:
    same = signed(hook, delivery_id="order-1")

    for delivery_id in (None, "order-2"):
        with pytest.raises(WrongSignature):
            trigger(database, **same, delivery_id=delivery_id)


def test_two_webhooks_may_be_called_alike(
    database: Connection, tenant: UUID, workflow: UUID, hook: Hook
) -> None:
    other = add(database, tenant, workflow, None)

    runs = {
        trigger(database, **signed(one, delivery_id="1"), delivery_id="1").id
        for one in (hook, other)
    }

    assert len(runs) == 2


def test_a_call_that_comes_again_gets_its_run_although_the_webhook_is_disabled_by_then(
    database: Connection, hook: Hook
) -> None:
    same = signed(hook)
    first = trigger(database, **same)

    webhooks.change_enabled(database, tenant_id=hook.tenant, webhook_id=hook.id, enabled=False)

    assert trigger(database, **same).id == first.id


def test_a_run_outlives_the_webhook_that_started_it(database: Connection, hook: Hook) -> None:
    run = call(database, hook)

    database.execute("delete from webhooks")

    rows = database.execute("select id, webhook_id from runs").fetchall()
    assert rows == [(run.id, None)]


@pytest.mark.parametrize("delivery_id", ["", "a b", "ä", "x" * 256, "a\n"])
def test_a_delivery_id_is_a_word(database: Connection, hook: Hook, delivery_id: str) -> None:
    with pytest.raises(BadDeliveryId):
        trigger(database, **signed(hook), delivery_id=delivery_id)


@pytest.mark.parametrize(
    "body",
    [
        rb'"\u0000"',
        rb'{"a": ["\u0000"]}',
        rb'{"\u0000": 1}',
        rb'{"a": "\ud800"}',
        b"1e400",
        b"[" * 100_000,
        b"1" * 5000,
        b'"\xff"',
        b"",
    ],
)
def test_a_body_that_cannot_be_stored_is_refused_before_the_database_sees_it(
    database: Connection, hook: Hook, body: bytes
) -> None:
    with pytest.raises(UnreadableBody):
        call(database, hook, body)

    # the transaction is as good as before
    assert (count_runs(database), triggered(database, hook)) == (0, 0)


def test_a_call_in_an_event_loop_is_the_same(database: Connection, hook: Hook) -> None:
    database.commit()
    same = signed(hook)

    async def twice() -> list[webhooks.TriggerRow]:
        async with await AsyncConnection.connect(url_of(database)) as connection:
            return [await trigger_async(connection, **same) for _ in range(2)]

    first, second = asyncio.run(twice())
    rotated = asyncio.run(rotated_in_a_loop(database, hook))

    assert (first.id, first.is_first, second.is_first) == (second.id, True, False)
    with pytest.raises(WrongSignature):
        trigger(database, **same)
    assert trigger(database, **signed(hook._replace(secret=rotated))).id


async def rotated_in_a_loop(database: Connection, hook: Hook) -> str:
    async with await AsyncConnection.connect(url_of(database)) as connection:
        return await rotate_secret_async(connection, tenant_id=hook.tenant, webhook_id=hook.id)


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
