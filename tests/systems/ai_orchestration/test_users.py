"""The first login creates a user, later ones keep the user up to date."""

from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors

from dbkit.systems.ai_orchestration import audit_logs, tenants, users
from tests.systems.ai_orchestration.conftest import AtOnce


def test_the_first_login_creates_the_user(database: Connection, tenant: UUID) -> None:
    user_id = uuid4()

    user = users.log_in(
        database, user_id=user_id, tenant_id=tenant, email="ada@example.org", name="Ada"
    )

    assert user
    assert (user.id, user.email, user.name, user.role) == (
        user_id,
        "ada@example.org",
        "Ada",
        "viewer",
    )
    assert user.is_new
    assert user.last_login_at == user.created_at


def test_a_later_login_keeps_email_name_and_time_up_to_date_and_the_role_as_it_is(
    database: Connection, tenant: UUID, ada: UUID
) -> None:
    users.change_role(database, tenant_id=tenant, user_id=ada, role="builder")
    database.commit()

    user = users.log_in(
        database,
        user_id=ada,
        tenant_id=tenant,
        email="ada@acme.example",
        name="Ada L.",
        role="tenant_admin",
    )

    assert user
    assert (user.email, user.name, user.role) == ("ada@acme.example", "Ada L.", "builder")
    assert not user.is_new
    assert user.last_login_at
    assert user.last_login_at > user.created_at


def test_logins_are_in_the_audit_log_as_the_users_own(
    database: Connection, tenant: UUID, ada: UUID
) -> None:
    users.log_in(database, user_id=ada, tenant_id=tenant, email="ada@example.org", name="Ada")

    entries = audit_logs.list_recent(database, tenant_id=tenant, resource_type="user")

    assert {(one.action, one.actor_id, one.actor_email) for one in entries} == {
        ("create", ada, "ada@example.org"),
        ("update", ada, "ada@example.org"),
    }


def test_many_first_logins_at_once_create_one_user(
    database: Connection, tenant: UUID, at_once: AtOnce
) -> None:
    user_ids = [uuid4() for _ in range(20)]
    together = Barrier(8)

    def log_in(connection: Connection, number: int) -> list[bool]:
        created: list[bool] = []
        for user_id in user_ids:
            email = f"{user_id}@example.org"
            together.wait(timeout=30)
            user = users.log_in(
                connection, user_id=user_id, tenant_id=tenant, email=email, name=str(number)
            )
            connection.commit()
            assert user
            created.append(user.is_new)
        return created

    created = at_once(8, log_in)

    assert [of_one.count(True) for of_one in zip(*created, strict=True)] == [1] * 20
    logins = audit_logs.list_recent(
        database, tenant_id=tenant, resource_type="user", resource_id=user_ids[0]
    )
    assert sorted(one.action for one in logins) == ["create"] + ["update"] * 7


def test_a_user_of_another_tenant_is_not_let_in(
    database: Connection, tenant: UUID, stranger: UUID, ada: UUID
) -> None:
    user = users.log_in(
        database, user_id=ada, tenant_id=stranger, email="eve@example.org", name="Eve"
    )

    assert user is None
    found = users.find(database, tenant_id=tenant, user_id=ada)
    assert found
    assert found.email == "ada@example.org"


def test_nobody_is_let_in_who_was_removed_or_whose_tenant_was(
    database: Connection, tenant: UUID, ada: UUID
) -> None:
    def log_in(user_id: UUID) -> bool:
        email = f"{user_id}@example.org"
        user = users.log_in(database, user_id=user_id, tenant_id=tenant, email=email, name=None)
        return user is not None

    assert users.remove(database, tenant_id=tenant, user_id=ada) == 1
    assert not log_in(ada)
    assert users.find(database, tenant_id=tenant, user_id=ada) is None

    assert users.restore(database, tenant_id=tenant, user_id=ada) == 1
    assert log_in(ada)

    tenants.remove(database, tenant_id=tenant)
    assert not log_in(ada)
    assert not log_in(uuid4())


@pytest.mark.usefixtures("ada")
def test_an_email_belongs_to_one_user_of_a_tenant(
    database: Connection, tenant: UUID, stranger: UUID
) -> None:
    other = users.log_in(
        database, user_id=uuid4(), tenant_id=stranger, email="ada@example.org", name=None
    )

    assert other
    with pytest.raises(
        errors.UniqueViolation,
        match=r"^the address ada@example\.org belongs to another user of this tenant",
    ):
        users.log_in(
            database, user_id=uuid4(), tenant_id=tenant, email="ada@example.org", name=None
        )


def test_a_removed_user_gives_the_address_up_and_nothing_else(
    database: Connection, tenant: UUID, ada: UUID
) -> None:
    users.change_role(database, tenant_id=tenant, user_id=ada, role="tenant_admin")
    users.remove(database, tenant_id=tenant, user_id=ada)
    successor = uuid4()
    who: dict[str, Any] = {"tenant_id": tenant, "email": "ada@example.org", "name": "Ada II"}

    user = users.log_in(database, user_id=successor, **who)
    again = users.log_in(database, user_id=successor, **who)

    assert user
    assert again
    assert (user.id, user.role, user.is_new, again.is_new) == (successor, "viewer", True, False)
    assert users.log_in(database, user_id=ada, **who) is None
    users.restore(database, tenant_id=tenant, user_id=ada)
    former = users.find(database, tenant_id=tenant, user_id=ada)
    assert former
    assert (former.email, former.role) == (f"{ada}@removed.invalid", "tenant_admin")
    with pytest.raises(errors.UniqueViolation, match="belongs to another user"):
        users.log_in(database, user_id=ada, **who)


def test_who_gave_an_address_to_whom_is_in_the_audit_log(
    database: Connection, tenant: UUID, ada: UUID
) -> None:
    users.remove(database, tenant_id=tenant, user_id=ada)
    successor = uuid4()

    users.log_in(database, user_id=successor, tenant_id=tenant, email="ada@example.org", name=None)

    found = audit_logs.list_recent(
        database, tenant_id=tenant, resource_type="user", resource_id=ada
    )
    assert {"gave_up_address_to": str(successor)} in [entry.metadata for entry in found]


def test_of_many_new_ids_with_a_removed_users_address_one_gets_it(
    database: Connection, tenant: UUID, ada: UUID, at_once: AtOnce
) -> None:
    users.remove(database, tenant_id=tenant, user_id=ada)

    def log_in(connection: Connection, _: int) -> str:
        try:
            user = users.log_in(
                connection, user_id=uuid4(), tenant_id=tenant, email="ada@example.org", name=None
            )
        except errors.UniqueViolation as error:
            return str(error.diag.message_primary)
        return "logged in" if user else "not let in"

    outcomes = at_once(6, log_in)

    text = "the address ada@example.org belongs to another user of this tenant"
    assert sorted(outcomes) == ["logged in", *[text] * 5]


def test_a_role_is_one_of_the_four(database: Connection, tenant: UUID, ada: UUID) -> None:
    for role in ("tenant_admin", "builder", "operator", "viewer"):
        assert users.change_role(database, tenant_id=tenant, user_id=ada, role=role) == 1

    with pytest.raises(errors.CheckViolation):
        users.change_role(database, tenant_id=tenant, user_id=ada, role="root")


@pytest.mark.usefixtures("ada")
def test_users_are_listed_by_role_and_in_order(database: Connection, tenant: UUID) -> None:
    for email in ("zoe@example.org", "bob@example.org"):
        users.log_in(
            database, user_id=uuid4(), tenant_id=tenant, email=email, name=None, role="builder"
        )

    everybody = users.list_for_tenant(database, tenant_id=tenant)
    builders = users.list_for_tenant(
        database, tenant_id=tenant, role="builder", sort="email", max_users=1, skipped=1
    )

    assert [user.email[:3] for user in everybody] == ["ada", "bob", "zoe"]
    assert [user.email[:3] for user in builders] == ["zoe"]
