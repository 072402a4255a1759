"""One user's work kept from another's eyes and hands, for a role that owns nothing."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import pytest
from psycopg import Connection, errors

from dbkit.systems.mrwa import artifacts, execution_logs, executions
from dbkit.systems.mrwa.execution_logs import AddValues, LoadValues
from dbkit.systems.mrwa.log_tail import NoSuchExecution, tail
from dbkit.transactions import transaction


@contextmanager
def acting_for(connection: Connection, user: UUID) -> Generator[None]:
    with transaction(connection, settings={"app.user_id": user}):
        yield


@pytest.fixture
def of_ada(database: Connection, execution: UUID) -> UUID:
    """An execution of Ada's with a log and an artifact."""
    execution_logs.add(database, [AddValues(execution, "info", "Ada's secret", None, None)])
    add_artifact(database, execution)
    database.commit()
    return execution


def add_artifact(connection: Connection, execution: UUID) -> UUID:
    return artifacts.add(
        connection,
        execution_id=execution,
        type="summary",
        name="Ada's secret",
        data=None,
        file_url=None,
        file_size_bytes=None,
        mime_type=None,
    )


def test_users_work_on_what_is_their_own(application: Connection, ada: UUID, of_ada: UUID) -> None:
    with acting_for(application, ada):
        execution_logs.add(application, [AddValues(of_ada, "info", "more", None, None)])
        verified = artifacts.verify(application, artifact_id=add_artifact(application, of_ada))
        executions.start_step(application, execution_id=of_ada, step_id=1)
        found = executions.find_with_details(application, execution_id=of_ada)

    assert found is not None
    assert [log.message for log in found.logs] == ["Ada's secret", "more"]
    assert (len(found.artifacts), found.current_step, verified) == (2, 1, 1)


def test_nothing_of_another_user_is_seen(application: Connection, bob: UUID, of_ada: UUID) -> None:
    with acting_for(application, bob):
        seen = [
            executions.find_with_details(application, execution_id=of_ada),
            executions.find_progress(application, execution_id=of_ada),
            executions.list_active(application),
            execution_logs.find_position(application, execution_id=of_ada),
            execution_logs.list_since(application, execution_id=of_ada),
            list(execution_logs.list_all(application, execution_id=of_ada)),
            artifacts.list_for_execution(application, execution_id=of_ada),
        ]
        counted = application.execute(
            "select (select count(*) from executions), (select count(*) from execution_logs),"
            " (select count(*) from artifacts)"
        ).fetchall()

    assert not any(seen)
    assert counted == [(0, 0, 0)]


def test_another_users_id_shows_nothing_either(
    application: Connection, ada: UUID, bob: UUID, of_ada: UUID
) -> None:
    with acting_for(application, bob):
        listed = executions.list_for_user(application, user_id=ada)
        statistics = executions.get_statistics(application, user_id=ada)
        cancelled = executions.cancel(application, execution_id=of_ada, user_id=ada)

    assert (listed, statistics.total_executions, cancelled) == ([], 0, 0)


def test_nothing_of_another_user_is_touched(
    application: Connection, bob: UUID, of_ada: UUID
) -> None:
    with acting_for(application, bob):
        touched = [
            executions.fail(application, execution_id=of_ada, error_message="by Bob"),
            executions.start_step(application, execution_id=of_ada, step_id=1),
            application.execute("update execution_logs set message = 'by Bob'").rowcount,
            application.execute("delete from execution_logs").rowcount,
            application.execute("update artifacts set name = 'by Bob'").rowcount,
            application.execute("delete from artifacts").rowcount,
        ]
        claimed = executions.claim(application)

    assert touched == [0] * 6
    assert claimed is None


def test_nothing_is_added_to_an_execution_of_another_user(
    application: Connection, bob: UUID, of_ada: UUID
) -> None:
    with (
        pytest.raises(errors.InsufficientPrivilege, match="execution_logs"),
        acting_for(application, bob),
    ):
        execution_logs.add(application, [AddValues(of_ada, "info", "by Bob", None, None)])
    with (
        pytest.raises(errors.InsufficientPrivilege, match="artifacts"),
        acting_for(application, bob),
    ):
        add_artifact(application, of_ada)


def test_a_log_is_not_moved_to_an_execution_of_another_user(
    application: Connection, database: Connection, bob: UUID, of_ada: UUID
) -> None:
    of_bob = executions.add(
        database, user_id=bob, input_type="pdf", input_value="b.pdf", input_file_url=None
    )
    execution_logs.add(database, [AddValues(of_bob, "info", "by Bob", None, None)])
    database.commit()

    with (
        pytest.raises(errors.InsufficientPrivilege, match="execution_logs"),
        acting_for(application, bob),
    ):
        application.execute("update execution_logs set execution_id = %s", [of_ada])


@pytest.mark.usefixtures("own_session")
def test_nobody_follows_the_logs_of_another_user(
    application: Connection, ada: UUID, bob: UUID, of_ada: UUID
) -> None:
    application.execute("select set_config('app.user_id', %s, false)", [str(bob)])
    with pytest.raises(NoSuchExecution):
        next(tail(application, execution_id=of_ada))

    application.execute("select set_config('app.user_id', %s, false)", [str(ada)])
    assert next(tail(application, execution_id=of_ada)).message == "Ada's secret"


@pytest.mark.parametrize("table", ["executions", "execution_logs", "artifacts"])
@pytest.mark.usefixtures("of_ada")
def test_without_a_user_there_is_an_error_before_and_after_a_transaction_that_had_one(
    application: Connection, ada: UUID, table: str
) -> None:
    query = f"select from {table}".encode()
    with pytest.raises(errors.UndefinedObject, match=r"app\.user_id"):
        application.execute(query)

    with acting_for(application, ada):
        assert application.execute(query).rowcount == 1

    # a setting that was local to a transaction is an empty text after it
    with pytest.raises(errors.InvalidTextRepresentation, match="uuid"):
        application.execute(query)


@pytest.mark.parametrize("table", ["users", "sessions"])
def test_password_hashes_and_tokens_are_for_the_role_that_logs_users_in(
    application: Connection, ada: UUID, table: str
) -> None:
    with (
        pytest.raises(errors.InsufficientPrivilege, match=f"permission denied for table {table}"),
        acting_for(application, ada),
    ):
        application.execute(f"select from {table}".encode())


def test_logs_are_not_loaded_by_copy_under_row_level_security(
    application: Connection, ada: UUID, of_ada: UUID
) -> None:
    noon = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - the document's columns have no time zone
    row = LoadValues(of_ada, noon, "info", "loaded", None, None)

    with (
        pytest.raises(errors.FeatureNotSupported, match="row-level security"),
        acting_for(application, ada),
    ):
        execution_logs.load(application, [row])
