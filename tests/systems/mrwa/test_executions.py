"""Executions through their states and along their plans."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise, product
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from psycopg import Connection, errors

from dbkit.systems.mrwa import executions

Connect = Callable[..., Connection]
STEPS = {
    "planned": {"running", "failed", "cancelled"},
    "running": {"validating", "completed", "failed", "cancelled"},
    "validating": {"running", "correcting", "completed", "failed", "cancelled"},
    "correcting": {"running", "validating", "failed", "cancelled"},
    "completed": set[str](),
    "failed": set[str](),
    "cancelled": set[str](),
}
LEGAL = [(old, new) for old, allowed in STEPS.items() for new in sorted(allowed)]
ILLEGAL = [pair for pair in product(STEPS, STEPS) if pair not in LEGAL and pair[0] != pair[1]]


def plan(database: Connection, user: UUID, value: str = "a.pdf") -> UUID:
    return executions.add(
        database, user_id=user, input_type="pdf", input_value=value, input_file_url=None
    )


def added(database: Connection, user: UUID, status: str) -> UUID:
    [(execution_id,)] = database.execute(
        "insert into executions (user_id, input_type, input_value, status)"
        " values (%s, 'pdf', 'a.pdf', %s) returning id",
        [user, status],
    ).fetchall()
    found: UUID = execution_id
    return found


def go(database: Connection, execution: UUID, *path: str) -> executions.ChangeStatusRow | None:
    """Take the steps along a path."""
    answer: executions.ChangeStatusRow | None = None
    for old, new in pairwise(path):
        answer = executions.change_status(
            database, execution_id=execution, from_status=old, status=new
        )
        assert answer
    return answer


def in_steps(
    connection: Connection, execution: UUID
) -> tuple[Callable[..., int], Callable[..., int]]:
    """Start and finish steps of one execution."""
    start = partial(executions.start_step, connection, execution_id=execution)
    finish = partial(executions.finish_step, connection, execution_id=execution)
    return start, finish


def progress(database: Connection, execution: UUID) -> executions.FindProgressRow:
    found = executions.find_progress(database, execution_id=execution)
    assert found
    return found


def test_a_new_execution_has_the_documented_plan(database: Connection, execution: UUID) -> None:
    [(plan_, step)] = database.execute(
        "select plan, current_step from executions where id = %s", [execution]
    ).fetchall()

    untouched = {"status": "pending", "output": None, "attempts": 0, "duration_ms": None}
    assert plan_ == {
        "steps": [
            {"id": 1, "name": "Extract", "description": "Parse the PDF"} | untouched,
            {"id": 2, "name": "Sum up", "description": "Write the summary"} | untouched,
        ],
        "total_steps": 2,
        "corrections_applied": 0,
    }
    assert step == 0


def test_an_execution_goes_from_its_plan_to_its_end(database: Connection, execution: UUID) -> None:
    start, finish = in_steps(database, execution)
    start(step_id=1)
    go(database, execution, "running", "validating", "correcting", "running")
    start(step_id=1)
    finish(step_id=1, output="12 sections", duration_ms=1500)
    go(database, execution, "running", "validating", "running")
    start(step_id=2)
    midway = progress(database, execution)
    finish(step_id=2, output="short", duration_ms=900)
    ended = go(database, execution, "running", "validating", "completed")

    found = progress(database, execution)

    assert [(step.status, step.attempts) for step in midway.steps] == [
        ("completed", 2),
        ("running", 1),
    ]
    assert found.steps == [
        executions.FindProgressStep(
            1, "Extract", "Parse the PDF", "completed", "12 sections", 2, 1500
        ),
        executions.FindProgressStep(2, "Sum up", "Write the summary", "completed", "short", 1, 900),
    ]
    assert (found.status, found.current_step) == ("completed", 2)
    assert (found.total_steps, found.corrections_applied) == (2, 1)
    assert ended is not None
    assert (found.started_at, found.completed_at) == (ended.started_at, ended.completed_at)
    assert found.started_at is not None
    assert found.completed_at is not None
    assert found.started_at < found.completed_at


@pytest.mark.parametrize(("old", "new"), LEGAL)
def test_a_step_that_makes_sense_is_taken(
    database: Connection, ada: UUID, old: str, new: str
) -> None:
    execution = added(database, ada, old)

    assert go(database, execution, old, new)

    assert progress(database, execution).status == new


@pytest.mark.parametrize(("old", "new"), ILLEGAL)
def test_a_step_that_makes_none_is_refused_by_the_database(
    database: Connection, ada: UUID, old: str, new: str
) -> None:
    execution = added(database, ada, old)

    with pytest.raises(errors.CheckViolation) as refused:
        database.execute("update executions set status = %s where id = %s", [new, execution])

    said = refused.value.diag
    assert said.message_primary == f"an execution that is {old} cannot become {new}"
    assert (said.table_name, said.column_name) == ("executions", "status")
    assert said.constraint_name == "executions_status_step"


def test_the_refusal_tells_what_would_be_right(database: Connection, ada: UUID) -> None:
    planned, over = added(database, ada, "planned"), added(database, ada, "failed")

    hints: list[str | None] = []
    for execution in (planned, over):
        with pytest.raises(errors.CheckViolation) as refused, database.transaction():
            database.execute(
                "update executions set status = 'validating' where id = %s", [execution]
            )
        hints.append(refused.value.diag.message_hint)

    assert hints == ["It can become running, failed, cancelled.", "It is over."]


def test_what_is_over_may_still_be_described(database: Connection, ada: UUID) -> None:
    over = added(database, ada, "completed")

    database.execute("update executions set metadata = '{\"kept\": true}', status = 'completed'")

    assert progress(database, over).status == "completed"


def test_a_status_that_is_none_is_still_named_by_its_check(
    database: Connection, execution: UUID
) -> None:
    with pytest.raises(errors.CheckViolation, match="cannot become lost"):
        go(database, execution, "running", "lost")


def test_the_first_start_stays_and_the_end_is_noted_at_the_end(
    database: Connection, execution: UUID
) -> None:
    first = progress(database, execution)
    database.commit()

    go(database, execution, "running", "validating", "running")
    again = progress(database, execution)
    database.commit()
    go(database, execution, "running", "cancelled")

    last = progress(database, execution)
    assert first.started_at == again.started_at == last.started_at is not None
    assert (first.completed_at, again.completed_at) == (None, None)
    assert last.completed_at is not None


def test_a_step_that_somebody_else_took_gives_none(database: Connection, execution: UUID) -> None:
    go(database, execution, "running", "validating")

    answer = executions.change_status(
        database, execution_id=execution, from_status="running", status="validating"
    )

    assert answer is None


def test_of_workers_that_take_the_same_step_one_gets_it(
    database: Connection, connect: Connect, execution: UUID
) -> None:
    together = Barrier(6)

    def correct(connection: Connection) -> object:
        together.wait()
        return executions.change_status(
            connection, execution_id=execution, from_status="validating", status="correcting"
        )

    go(database, execution, "running", "validating")
    database.commit()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(correct, [connect() for _ in range(6)]))

    assert len([answer for answer in answers if answer]) == 1
    assert progress(database, execution).corrections_applied == 1


def test_workers_share_the_planned_executions_without_overlap(
    database: Connection, connect: Connect, ada: UUID
) -> None:
    planned = {plan(database, ada) for _ in range(40)}
    database.commit()
    together = Barrier(6)

    def work(connection: Connection) -> list[UUID]:
        together.wait()
        taken: list[UUID] = []
        while claimed := executions.claim(connection):
            taken.append(claimed.id)
        return taken

    with ThreadPoolExecutor(6) as pool:
        taken = [one for each in pool.map(work, [connect() for _ in range(6)]) for one in each]

    assert len(taken) == 40
    assert set(taken) == planned


def test_the_longest_planned_is_taken_first_and_one_that_is_being_taken_is_passed_over(
    database: Connection, connect: Connect, ada: UUID
) -> None:
    for value in ("first", "second"):
        plan(database, ada, value)
        database.commit()

    first = executions.claim(database)
    second, third = executions.claim(other := connect()), executions.claim(other)

    assert first is not None
    assert second is not None
    assert (first.input_value, second.input_value, third) == ("first", "second", None)
    assert progress(database, first.id).started_at is not None


def test_steps_written_at_once_are_all_kept(
    database: Connection, connect: Connect, ada: UUID
) -> None:
    steps = [{"name": f"step {number}"} for number in range(1, 9)]
    execution = executions.add(
        database, user_id=ada, input_type="pdf", input_value="", input_file_url=None, steps=steps
    )
    executions.claim(database)
    database.commit()
    together = Barrier(8)

    def work(pair: tuple[int, Connection]) -> None:
        number, connection = pair
        together.wait()
        start, finish = in_steps(connection, execution)
        start(step_id=number)
        finish(step_id=number, output=f"of {number}", duration_ms=number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [(number, connect()) for number in range(1, 9)]))

    found = progress(database, execution)
    assert [(step.id, step.output, step.status) for step in found.steps] == [
        (number, f"of {number}", "completed") for number in range(1, 9)
    ]


def test_a_step_can_fail_and_be_tried_again(database: Connection, execution: UUID) -> None:
    start, finish = in_steps(database, execution)
    start(step_id=2)
    finish(step_id=2, status="failed", output=None, duration_ms=None)
    failed = progress(database, execution).steps[1]

    assert start(step_id=2) == 1

    again = progress(database, execution).steps[1]
    assert (failed.status, failed.attempts) == ("failed", 1)
    assert (again.status, again.attempts) == ("running", 2)


def test_a_step_that_is_not_there_or_not_running_is_not_touched(
    database: Connection, execution: UUID
) -> None:
    start, finish = in_steps(database, execution)

    assert start(step_id=3) == 0
    assert finish(step_id=1, output="x", duration_ms=1) == 0
    start(step_id=1)
    executions.fail(database, execution_id=execution, error_message="out of memory")
    assert finish(step_id=1, output="x", duration_ms=1) == 0
    assert start(step_id=2) == 0


def test_a_failed_execution_tells_its_error(database: Connection, execution: UUID) -> None:
    assert executions.fail(database, execution_id=execution, error_message="no such page") == 1

    found = progress(database, execution)
    assert (found.status, found.error_message) == ("failed", "no such page")
    assert found.completed_at is not None
    assert executions.fail(database, execution_id=execution, error_message="again") == 0


def test_a_user_cancels_what_is_the_users_own_and_not_over(
    database: Connection, ada: UUID, bob: UUID, execution: UUID
) -> None:
    assert executions.cancel(database, execution_id=execution, user_id=bob) == 0
    assert executions.cancel(database, execution_id=execution, user_id=ada) == 1
    assert executions.cancel(database, execution_id=execution, user_id=ada) == 0

    assert progress(database, execution).status == "cancelled"
    assert progress(database, execution).completed_at is not None


def test_an_execution_without_a_plan_has_no_steps(database: Connection, ada: UUID) -> None:
    execution = added(database, ada, "validating")

    go(database, execution, "validating", "correcting")

    found = progress(database, execution)
    assert (found.steps, found.total_steps, found.corrections_applied) == ([], None, None)
    assert executions.start_step(database, execution_id=execution, step_id=1) == 0
    assert executions.find_progress(database, execution_id=uuid4()) is None
