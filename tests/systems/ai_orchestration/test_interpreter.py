"""A published version runs to its end, whatever groups it has and whoever dies on the way."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from threading import Barrier, Lock
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from dbkit import OVERFLOWING, open_database
from dbkit.pools import Database
from dbkit.runtime import JsonLike
from dbkit.systems.ai_orchestration import adapters, block_groups, edges, runs, steps
from dbkit.systems.ai_orchestration.interpreter import MOCKS, Adapter, StepCall, interpret
from dbkit.systems.ai_orchestration.leased_runs import RunOutcome, work_once
from tests.addresses import url_of
from tests.systems.ai_orchestration.drafts import Draft, add_tenant
from tests.systems.ai_orchestration.processes import killed_at_work, wait_for

WORKER = """
import sys, time
from datetime import timedelta
from dbkit import open_database
from dbkit.systems.ai_orchestration.interpreter import interpret
from dbkit.systems.ai_orchestration.leased_runs import work_once

def hang(call):
    if call.name == sys.argv[2]:
        print("begun", flush=True)
        time.sleep(60)
    return call.name

with open_database(sys.argv[1]) as database:
    work_once(
        database, lambda lent, run: interpret(lent, run, {"mock": hang}),
        lease=timedelta(seconds=0.6),
    )
"""


class Drawing:
    """A workflow drawn in short words, and run."""

    def __init__(self, database: Connection) -> None:
        self.database = database
        self.draft = Draft(database, add_tenant(database))
        self.tenant = self.draft.tenant

    def step(
        self,
        name: str,
        group: UUID | None = None,
        role: str | None = None,
        type_: str = "tool",
        **config: Any,  # noqa: ANN401 - any JSON
    ) -> UUID:
        step = steps.add(
            self.database,
            **self.draft.key,
            name=name,
            type=type_,
            block_group_id=group,
            group_role=role,
            config=config,
        )
        assert step
        return step

    def group(
        self,
        type_: str,
        parent: UUID | None = None,
        name: str | None = None,
        **config: Any,  # noqa: ANN401 - any JSON
    ) -> UUID:
        group = block_groups.add(
            self.database,
            **self.draft.key,
            name=name or type_,
            type=type_,
            parent_group_id=parent,
            config=config,
        )
        assert group
        return group

    def edge(self, source: UUID, target: UUID, condition: str | None = None) -> None:
        assert edges.add(
            self.database,
            **self.draft.key,
            source_step_id=source,
            target_step_id=target,
            condition=condition,
        )

    def ask(self, given: Any = None, mode: str = "production") -> UUID:  # noqa: ANN401 - any JSON
        if mode == "production":
            self.draft.publish()
        run = runs.add(
            self.database,
            **self.draft.key,
            workflow_version=None,
            mode=mode,
            input=given,
            triggered_by_user=None,
        )
        assert run
        self.database.commit()
        return run

    def read(self, run: UUID) -> runs.FindWithEverythingRow:
        self.database.rollback()
        found = runs.find_with_everything(self.database, tenant_id=self.tenant, run_id=run)
        assert found
        return found


@pytest.fixture
def drawing(database: Connection) -> Drawing:
    """An empty workflow."""
    return Drawing(database)


@pytest.fixture
def pool(database: Connection) -> Iterator[Database]:
    """Connections to the test's database."""
    with open_database(url_of(database), OVERFLOWING) as opened:
        yield opened


Ran = tuple[RunOutcome | None, runs.FindWithEverythingRow]


def run(
    pool: Database,
    drawing: Drawing,
    given: Any = None,  # noqa: ANN401 - any JSON
    callables: Mapping[str, Adapter] = MOCKS,
    mode: str = "production",
) -> Ran:
    asked = drawing.ask(given, mode)
    outcome = work_once(pool, lambda lent, claimed: interpret(lent, claimed, callables))
    return outcome, drawing.read(asked)


def passes(found: runs.FindWithEverythingRow) -> list[tuple[str, int, str]]:
    return [(row.name, row.iteration, row.status) for row in found.block_group_runs]


def echo(call: StepCall) -> JsonLike:
    return call.name


ECHO: Mapping[str, Adapter] = {"mock": echo}


def test_steps_run_in_the_order_of_their_edges_and_get_what_came_before(
    pool: Database, drawing: Drawing
) -> None:
    last = drawing.step("sum up", input={"found": "$.steps.fetch.text", "day": "$.input.day"})
    first = drawing.step("fetch", mock={"text": "news"})
    drawing.edge(first, last)

    outcome, found = run(pool, drawing, {"day": 7})

    assert outcome == "completed"
    assert [(one.step_name, one.status, one.attempt) for one in found.step_runs] == [
        ("fetch", "completed", 1),
        ("sum up", "completed", 1),
    ]
    given = {"found": "news", "day": 7}
    assert found.step_runs[1].input == given
    assert found.output == {"fetch": {"text": "news"}, "sum up": {"step": "sum up", "input": given}}


def test_an_edge_is_taken_if_its_condition_holds_and_a_join_has_what_came(
    pool: Database, drawing: Drawing
) -> None:
    check = drawing.step("check", type_="condition", expression="$.input.n > 3")
    yes, no = drawing.step("yes", mock=1), drawing.step("no", mock=2)
    after_no = drawing.step("after no", mock=3)
    end = drawing.step("end", type_="join")
    drawing.edge(check, yes, "$.output == true")
    drawing.edge(check, no, "$.steps.check == false")
    drawing.edge(no, after_no)
    drawing.edge(yes, end)
    drawing.edge(after_no, end)

    _, high = run(pool, drawing, {"n": 4})
    _, low = run(pool, drawing, {"n": 3})

    assert high.output == {"check": True, "yes": 1, "end": {"yes": 1}}
    assert low.output == {"check": False, "no": 2, "after no": 3, "end": {"after no": 3}}


def test_a_loop_over_items_has_a_pass_for_each_and_the_steps_know_which(
    pool: Database, drawing: Drawing
) -> None:
    split = drawing.step("split", type_="map", items="$.input.pages")
    each = drawing.group("foreach", items="$.steps.split")
    inner = drawing.group("foreach", each, "inner", items="$.item")
    say = drawing.step("say", inner, input={"item": "$.item", "index": "$.index"})
    drawing.edge(split, say)

    outcome, found = run(pool, drawing, {"pages": [["a", "b"], [], ["c"]]})

    assert outcome == "completed"
    assert passes(found) == [
        ("foreach", 0, "completed"),
        ("inner", 0, "completed"),
        ("inner", 1, "completed"),
        ("foreach", 1, "completed"),
        ("inner", 0, "skipped"),
        ("foreach", 2, "completed"),
        ("inner", 0, "completed"),
    ]
    said = [row.step_runs[0].input for row in found.block_group_runs if row.step_runs]
    assert said == [
        {"item": "a", "index": 0},
        {"item": "b", "index": 1},
        {"item": "c", "index": 0},
    ]
    assert found.block_group_runs[0].input == {"item": ["a", "b"], "index": 0}
    output: Any = found.output
    assert [len(one["inner"]) for one in output["foreach"]] == [2, 0, 1]


def test_a_loop_goes_on_while_its_condition_holds(pool: Database, drawing: Drawing) -> None:
    again = drawing.group("while", condition="$.index < 3 && !($.last.count >= 2)")
    drawing.step("count", again, input={"index": "$.index"})

    outcome, found = run(pool, drawing, None, {"mock": lambda call: int(call.input["index"]) + 1})

    assert outcome == "completed"
    assert found.output == {"while": [{"count": 1}, {"count": 2}]}
    assert passes(found) == [("while", 0, "completed"), ("while", 1, "completed")]


def test_a_loop_without_end_is_ended(pool: Database, drawing: Drawing) -> None:
    drawing.step("x", drawing.group("while", condition="1 == 1", max_iterations=2))

    outcome, found = run(pool, drawing)

    assert outcome == "failed"
    assert found.error == "'while' failed: it does not end within 2 iterations"


@pytest.mark.parametrize(
    ("given", "output", "skipped"),
    [
        ({"n": 1}, {"if_else": {"small": "small"}}, ["big"]),
        ({"n": 9}, {"if_else": {"big": {"it": "it"}}}, []),
    ],
)
def test_a_branch_is_taken_and_a_group_in_the_other_is_skipped(
    pool: Database, drawing: Drawing, given: JsonLike, output: JsonLike, skipped: list[str]
) -> None:
    choose = drawing.group("if_else", condition="$.input.n > 5")
    drawing.step("small", choose, "else")
    drawing.step("it", drawing.group("parallel", choose, "big", group_role="then"))

    _, found = run(pool, drawing, given, ECHO)

    assert found.output == output
    assert [row.name for row in found.block_group_runs if row.status == "skipped"] == skipped


@pytest.mark.parametrize(("kind", "taken"), [("a", "one"), ("b", "two"), ("z", "other")])
def test_a_case_is_chosen_by_value_or_by_default(
    pool: Database, drawing: Drawing, kind: str, taken: str
) -> None:
    choose = drawing.group("switch_case", expression="$.input.kind")
    for name, role in (("one", "a"), ("two", "b"), ("other", "default")):
        drawing.step(name, choose, role)

    _, found = run(pool, drawing, {"kind": kind}, ECHO)

    assert found.output == {"switch_case": {taken: taken}}


def test_what_fails_is_caught_and_finally_comes_in_any_case(
    pool: Database, drawing: Drawing
) -> None:
    attempt = drawing.group("try_catch")
    drawing.step("try it", attempt, "try", mock_error="no network", max_attempts=2)
    drawing.step("tell", attempt, "catch", input={"error": "$.error"})
    drawing.step("tidy", attempt, "finally", mock="tidy")

    outcome, found = run(pool, drawing)

    assert outcome == "completed"
    [row] = found.block_group_runs
    assert [(one.step_name, one.status, one.attempt, one.error) for one in row.step_runs] == [
        ("try it", "failed", 1, "no network"),
        ("try it", "failed", 2, "no network"),
        ("tell", "completed", 1, None),
        ("tidy", "completed", 1, None),
    ]
    assert row.step_runs[2].input == {"error": "'try it' failed: no network"}


def test_what_nobody_catches_fails_the_groups_around_it_and_the_run(
    pool: Database, drawing: Drawing
) -> None:
    each = drawing.group("foreach", items="$.input")
    attempt = drawing.group("try_catch", each)
    drawing.step("try it", attempt, "try", mock_error="no network")
    drawing.step("tidy", attempt, "finally", mock="tidy")

    outcome, found = run(pool, drawing, [1, 2])

    assert outcome == "failed"
    inner = "'try it' failed: no network"
    assert found.error == f"'foreach' failed: 'try_catch' failed: {inner}"
    assert [(row.name, row.status, row.error) for row in found.block_group_runs] == [
        ("foreach", "failed", f"'try_catch' failed: {inner}"),
        ("try_catch", "failed", inner),
    ]
    assert [one.step_name for one in found.block_group_runs[1].step_runs] == ["try it", "tidy"]


def test_branches_of_a_parallel_group_run_at_the_same_time(
    pool: Database, drawing: Drawing
) -> None:
    beside = drawing.group("parallel")
    one, two = drawing.step("one", beside), drawing.step("two", beside)
    drawing.edge(one, drawing.step("after one", beside))
    assert two
    together = Barrier(2, timeout=30)

    def meet(call: StepCall) -> JsonLike:
        if call.name in {"one", "two"}:
            together.wait()
        return call.name

    outcome, found = run(pool, drawing, None, {"tool": meet})

    assert outcome == "completed"
    assert found.output == {"parallel": {"one": "one", "two": "two", "after one": "after one"}}


def test_the_other_branches_end_before_the_failure_of_one_is_told(
    pool: Database, drawing: Drawing
) -> None:
    beside = drawing.group("parallel", max_concurrent=1)
    drawing.step("bad", beside, mock_error="no")
    drawing.step("good", beside)

    outcome, found = run(pool, drawing)

    [row] = found.block_group_runs
    assert outcome == "failed"
    assert sorted((one.step_name, one.status) for one in row.step_runs) == [
        ("bad", "failed"),
        ("good", "completed"),
    ]


@pytest.mark.parametrize("hanging", ["first", "in the loop", "last"])
def test_the_next_worker_goes_on_where_a_killed_one_was(
    database: Connection, pool: Database, drawing: Drawing, hanging: str
) -> None:
    first = drawing.step("first")
    loop = drawing.group("foreach", items="$.input")
    inside, last = drawing.step("in the loop", loop), drawing.step("last")
    drawing.edge(first, inside)
    drawing.edge(inside, last)
    asked = drawing.ask([1, 2])
    called: list[str] = []
    lock = Lock()

    def note(call: StepCall) -> JsonLike:
        with lock:
            called.append(call.name)
        return call.name

    killed_at_work(WORKER, url_of(database), hanging)
    wait_for(
        database,
        "the end of its lease",
        lambda: runs.list_stalled(database, tenant_id=drawing.tenant),
    )
    outcome = work_once(pool, lambda lent, claimed: interpret(lent, claimed, {"mock": note}))

    order = ["first", "in the loop", "in the loop", "last"]
    found = drawing.read(asked)
    assert outcome == "completed"
    assert called == order[order.index(hanging) :]
    assert found.output == {
        "first": "first",
        "foreach": [{"in the loop": "in the loop"}] * 2,
        "last": "last",
    }
    every = [*found.step_runs, *(one for row in found.block_group_runs for one in row.step_runs)]
    lost = [(one.step_name, one.error) for one in every if one.status == "failed"]
    assert lost == [(hanging, "its worker was lost")]
    assert passes(found) == [("foreach", 0, "completed"), ("foreach", 1, "completed")]


def test_a_run_that_is_cancelled_goes_no_further(
    database: Connection, pool: Database, drawing: Drawing
) -> None:
    first, second = drawing.step("first"), drawing.step("second")
    drawing.edge(first, second)
    asked = drawing.ask()

    def cancel(call: StepCall) -> JsonLike:
        assert call.name == "first"
        assert runs.cancel(database, tenant_id=call.tenant_id, run_id=call.run_id)
        database.commit()
        return None

    outcome = work_once(pool, lambda lent, claimed: interpret(lent, claimed, {"mock": cancel}))

    found = drawing.read(asked)
    assert (outcome, found.status, len(found.step_runs)) == ("lost", "cancelled", 1)


def test_a_worker_that_lost_the_run_in_a_step_writes_nothing_of_it(
    database: Connection, pool: Database, drawing: Drawing
) -> None:
    drawing.step("only")
    asked = drawing.ask()

    def lose(call: StepCall) -> JsonLike:
        database.execute("update runs set leased_until = now() - interval '1 second'")
        assert runs.claim(database, tenant_id=call.tenant_id, worker="second") == asked
        database.commit()
        return "too late"

    outcome = work_once(
        pool,
        lambda lent, claimed: interpret(lent, claimed, {"mock": lose}),
        lease=timedelta(minutes=5),
    )

    [step_run] = drawing.read(asked).step_runs
    assert (outcome, step_run.status, step_run.output) == ("lost", "failed", None)


def test_an_adapter_of_the_tenants_gives_its_config_and_a_disabled_one_is_refused(
    database: Connection, pool: Database, drawing: Drawing
) -> None:
    adapters.add(
        database,
        tenant_id=drawing.tenant,
        adapter_id="acme-llm",
        name="Acme",
        description=None,
        config={"model": "small", "mock": 1},
        input_schema=None,
        output_schema=None,
    )
    drawing.step("ask", type_="llm", adapter="acme-llm", model="large")
    seen: list[Mapping[str, Any]] = []

    def answer(call: StepCall) -> JsonLike:
        seen.append(call.config)
        return None

    done, _ = run(pool, drawing, None, {"acme-llm": answer})
    database.execute("update adapters set enabled = false where id = 'acme-llm'")
    refused, found = run(pool, drawing, None, {"acme-llm": answer})

    assert (done, refused) == ("completed", "failed")
    assert seen == [{"model": "large", "mock": 1, "adapter": "acme-llm"}]
    assert found.error == ("'ask' failed: there is no such adapter, or it is disabled")


def test_a_test_run_tries_the_draft(pool: Database, drawing: Drawing) -> None:
    drawing.step("new", drawing.group("parallel"))

    outcome, found = run(pool, drawing, None, ECHO, mode="test")

    assert (outcome, found.output) == ("completed", {"parallel": {"new": "new"}})


def circle(drawing: Drawing) -> None:
    one, two = drawing.step("one"), drawing.step("two")
    drawing.edge(one, two)
    drawing.edge(two, one)


def no_jsonpath(drawing: Drawing) -> None:
    drawing.step("check", type_="condition", expression="$.[")


def no_list(drawing: Drawing) -> None:
    drawing.step("x", drawing.group("foreach", items="$.nothing"))


def no_function(drawing: Drawing) -> None:
    drawing.step("x", type_="llm", adapter="openai")


@pytest.mark.parametrize(
    ("draw", "error"),
    [
        (circle, "the workflow cannot be run: its edges lead in a circle: 'one' -> 'two' -> 'one'"),
        (no_jsonpath, "'check' failed: it is no JSONPath"),
        (no_list, "'foreach' failed: its items are not a list"),
        (no_function, "'x' failed: no function is given for 'llm' or 'openai'"),
    ],
)
def test_what_cannot_be_run_fails_with_a_sentence(
    pool: Database, drawing: Drawing, draw: Callable[[Drawing], None], error: str
) -> None:
    draw(drawing)

    outcome, found = run(pool, drawing)

    assert outcome == "failed"
    assert found.error
    assert found.error.startswith(error[:40])
    assert error in found.error or "circle" in found.error


def test_a_group_that_is_not_in_the_draft_any_more_is_told(
    database: Connection, pool: Database, drawing: Drawing
) -> None:
    group = drawing.group("parallel")
    drawing.step("x", group)
    drawing.ask()
    assert block_groups.remove(database, **drawing.draft.key, block_group_id=group)
    database.commit()

    asked = runs.list_for_tenant(database, tenant_id=drawing.tenant)[0].id
    outcome = work_once(pool, interpret)

    assert outcome == "failed"
    assert "the group is not in the draft any more" in (drawing.read(asked).error or "")
