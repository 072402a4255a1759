"""Run a version of a workflow to its end, its steps and block groups, each as a row.

What has ended is not done again: a worker that takes over from one that died goes on where that
one was. Every row is written in a transaction that first renews the lease, so that a worker that
lost it writes nothing.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast
from uuid import UUID

import psycopg
from psycopg import Connection

from dbkit.errors import DbkitError
from dbkit.pools import Database
from dbkit.processes import is_away
from dbkit.runtime import JsonLike
from dbkit.systems.ai_orchestration import (
    adapters,
    block_group_runs,
    expressions,
    runs,
    step_runs,
)
from dbkit.systems.ai_orchestration.leased_runs import (
    ClaimedRun,
    LostRun,
    StoppedRun,
    renew,
    told,
)
from dbkit.systems.ai_orchestration.workflow_graph import (
    Arrow,
    FlowNode,
    Graph,
    as_object,
    read_graph,
)

State: TypeAlias = dict[str, Any]
"""What a step may ask for: `input` of the run, outputs of `steps`, `item` and `index` of a loop."""

_MOST_PASSES = 1000
_BRANCHES_AT_ONCE = 4
# these failed with their worker, not by themselves
_INNOCENT = {"its worker was lost", "its worker was told to stop"}


@dataclass(eq=False)
class FailedStep(DbkitError):
    """A step or a group failed for the last time, and with it what it stands in."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name!r} failed: {self.reason}"


@dataclass(frozen=True, slots=True)
class StepCall:
    """What an adapter is called with: the step, its input, and whose run it is."""

    tenant_id: UUID
    run_id: UUID
    step_run_id: UUID
    name: str
    type: str
    config: Mapping[str, Any]
    input: Any
    attempt: int


Adapter: TypeAlias = Callable[[StepCall], JsonLike]


def mock(call: StepCall) -> JsonLike:
    """Answer with the `mock` of the step's config, or fail with its `mock_error`; else echo."""
    if "mock_error" in call.config:
        raise FailedStep(call.name, str(call.config["mock_error"]))
    echo: JsonLike = {"step": call.name, "input": call.input}
    answer: JsonLike = call.config.get("mock", echo)
    return answer


MOCKS: Mapping[str, Adapter] = {"mock": mock}
"""The adapter that calls nothing, which a step has that names none."""


def interpret(
    database: Database, run: ClaimedRun, callables: Mapping[str, Adapter] = MOCKS
) -> JsonLike:
    """Run all that is left to do of a claimed run, and return the outputs of its outermost nodes.

    `callables` has a function for a step's type, such as `llm`, or for an adapter's id, which a
    step names in its config; one that names none has `mock`. Of the types, condition, map and
    join need no function.

        work_once(database, interpret)
    """
    with database.transaction() as connection:
        graph = read_graph(
            connection,
            tenant_id=run.tenant_id,
            workflow_id=run.row.workflow_id,
            version=run.row.workflow_version,
            mode=run.row.mode,
        )
        known = runs.find_with_everything(connection, tenant_id=run.tenant_id, run_id=run.id)
    if known is None:
        raise LostRun(run.id)
    interpreter = Interpreter(database, run, graph, callables, Past.of(known))
    state: State = {"input": run.row.input, "steps": {}}
    return interpreter.level(graph.inside(None), None, state, None)


@dataclass(frozen=True)
class Past:
    """What earlier attempts at a run have written."""

    steps: dict[tuple[UUID, UUID | None], list[runs.FindWithEverythingStepRun]]
    passes: dict[tuple[UUID, UUID | None, int], runs.FindWithEverythingBlockGroupRun]

    @classmethod
    def of(cls, known: runs.FindWithEverythingRow) -> "Past":
        """Sort the rows of a run by what they are of."""
        steps: dict[tuple[UUID, UUID | None], list[runs.FindWithEverythingStepRun]] = {}
        for step_run in known.step_runs:
            steps.setdefault((step_run.step_id, None), []).append(step_run)
        for row in known.block_group_runs:
            for step_run in row.step_runs:
                steps.setdefault((step_run.step_id, row.id), []).append(step_run)
        passes = {
            (row.block_group_id, row.parent_run_id, row.iteration): row
            for row in known.block_group_runs
        }
        return cls(steps, passes)


@dataclass(frozen=True)
class Interpreter:
    """One attempt at a run."""

    database: Database
    run: ClaimedRun
    graph: Graph
    callables: Mapping[str, Adapter]
    past: Past
    _adapters: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def level(
        self, nodes: Sequence[FlowNode], group: UUID | None, state: State, inside: UUID | None
    ) -> dict[str, Any]:
        """Run the nodes of one level in the order of their edges, and return their outputs."""
        arrows = self.graph.arrows(nodes, group)
        done: dict[UUID, Any] = {}
        for node in self.graph.in_order(nodes, arrows):
            leading = [arrow for arrow in arrows if arrow.target == node.id]
            if leading and not any(self._is_taken(arrow, done, state) for arrow in leading):
                self._skip(node, inside)
                continue
            before = {
                self.graph.nodes[arrow.source].name: done[arrow.source]
                for arrow in leading
                if arrow.source in done
            }
            if node.is_group:
                done[node.id] = self._group(node, state, inside)
            else:
                done[node.id] = self._step(node, before, state, inside)
            state["steps"][node.name] = done[node.id]
        return {self.graph.nodes[id_].name: output for id_, output in done.items()}

    def _is_taken(self, arrow: Arrow, done: Mapping[UUID, Any], state: State) -> bool:
        if arrow.source not in done:
            return False
        asked = {**state, "output": done[arrow.source]}
        return arrow.condition is None or self._holds(arrow.condition, asked)

    def _skip(self, node: FlowNode, inside: UUID | None) -> None:
        """Note a group that is left out; a step that is left out has no row."""
        if not node.is_group:
            return
        row = self.past.passes.get((node.id, inside, 0))
        if row is None or row.status == "pending":
            pass_id = row.id if row else self._add_pass(node, inside, 0, None)
            with self._ours() as connection:
                block_group_runs.skip(
                    connection, tenant_id=self.run.tenant_id, block_group_run_id=pass_id
                )

    def _step(
        self, node: FlowNode, before: Mapping[str, Any], state: State, inside: UUID | None
    ) -> Any:  # noqa: ANN401 - what the adapter gives
        earlier = self.past.steps.get((node.id, inside), [])
        for step_run in earlier:
            if step_run.status == "completed":
                return step_run.output
        failures = [
            step_run.error or "it does not say why"
            for step_run in earlier
            if step_run.status == "failed" and step_run.error not in _INNOCENT
        ]
        pending = next((one for one in earlier if one.status == "pending"), None)
        most = int(node.config.get("max_attempts", 1))
        while len(failures) < most:
            self.run.go_on()
            given = self._input(node, before, state)
            begun = (pending.id, pending.attempt) if pending else self._begin(node, given, inside)
            pending = None
            if begun is None:
                raise FailedStep(node.name, "its worker was lost too often")
            step_run_id, attempt = begun
            key = {"tenant_id": self.run.tenant_id, "step_run_id": step_run_id}
            with self._ours() as connection:
                step_runs.start(connection, **key, worker=self.run.worker, lease=self.run.lease)
            try:
                output = self._call(node, given, before, state, step_run_id, attempt)
            except (LostRun, StoppedRun):
                raise
            except Exception as error:
                if is_away(error):
                    raise
                failures.append(error.reason if isinstance(error, FailedStep) else told(error))
                with self._ours() as connection:
                    step_runs.fail(connection, **key, error=failures[-1])
                continue
            with self._ours() as connection:
                step_runs.complete(connection, **key, output=output)
            return output
        raise FailedStep(node.name, failures[-1])

    def _begin(
        self, node: FlowNode, given: JsonLike, inside: UUID | None
    ) -> tuple[UUID, int] | None:
        with self._ours() as connection:
            begun = step_runs.add(
                connection,
                tenant_id=self.run.tenant_id,
                run_id=self.run.id,
                step_id=node.id,
                block_group_run_id=inside,
                input=given,
            )
        return (begun.id, begun.attempt) if begun else None

    def _input(self, node: FlowNode, before: Mapping[str, Any], state: State) -> Any:  # noqa: ANN401
        """Give a step what its config maps, or what came before it and where in a loop it is."""
        mapping = node.config.get("input")
        if isinstance(mapping, Mapping):
            paths = cast("Mapping[str, object]", mapping)
            return {name: self._value(str(path), state) for name, path in paths.items()}
        here = {name: state[name] for name in ("item", "index", "error") if name in state}
        return {"input": state["input"], "steps": dict(before), **here}

    def _call(  # noqa: PLR0913, PLR0917 - the parts of a call
        self,
        node: FlowNode,
        given: JsonLike,
        before: Mapping[str, Any],
        state: State,
        step_run_id: UUID,
        attempt: int,
    ) -> JsonLike:
        function = self.callables.get(node.type)
        config: Mapping[str, Any] = node.config
        if function is None:
            match node.type:
                case "condition":
                    return self._holds(str(config.get("expression", "")), state)
                case "map":
                    found: JsonLike = self._value(str(config.get("items", "$.input")), state)
                    return found
                case "join":
                    return dict(before)
                case _:
                    adapter_id = str(config.get("adapter", "mock"))
                    function = self.callables.get(adapter_id)
                    config = {**self._adapter_config(adapter_id), **config}
                    if function is None:
                        reason = f"no function is given for {node.type!r} or {adapter_id!r}"
                        raise FailedStep(node.name, reason)
        return function(
            StepCall(
                self.run.tenant_id,
                self.run.id,
                step_run_id,
                node.name,
                node.type,
                config,
                given,
                attempt,
            )
        )

    def _adapter_config(self, adapter_id: str) -> Mapping[str, Any]:
        if adapter_id not in self._adapters:
            with self.database.transaction() as connection:
                adapter = adapters.find(
                    connection, tenant_id=self.run.tenant_id, adapter_id=adapter_id
                )
            if adapter is None or not adapter.enabled:
                raise FailedStep(adapter_id, "there is no such adapter, or it is disabled")
            self._adapters[adapter_id] = as_object(adapter.config)
        return self._adapters[adapter_id]

    def _group(self, group: FlowNode, state: State, inside: UUID | None) -> Any:  # noqa: ANN401
        match group.type:
            case "foreach":
                found = self._value(str(group.config.get("items", "$.input")), state)
                if not isinstance(found, list):
                    raise FailedStep(group.name, "its items are not a list")
                return self._loop(group, state, inside, [*cast("Sequence[Any]", found)])
            case "while":
                return self._loop(group, state, inside, None)
            case _:
                return self._pass(group, state, inside, 0, None)

    def _loop(
        self, group: FlowNode, state: State, inside: UUID | None, items: list[Any] | None
    ) -> list[Any]:
        """Run a pass for each item, or, without items, as long as the condition holds."""
        condition = str(group.config.get("condition", ""))
        most = int(group.config.get("max_iterations", _MOST_PASSES))
        outputs: list[Any] = []
        while (
            len(outputs) < len(items)
            if items is not None
            else self._holds(
                condition,
                {**state, "index": len(outputs), "last": outputs[-1] if outputs else None},
            )
        ):
            index = len(outputs)
            if index == most:
                raise FailedStep(group.name, f"it does not end within {most} iterations")
            variables = {"index": index} | ({} if items is None else {"item": items[index]})
            outputs.append(self._pass(group, {**state, **variables}, inside, index, variables))
        if not outputs:
            self._skip(group, inside)
        return outputs

    def _pass(
        self,
        group: FlowNode,
        state: State,
        inside: UUID | None,
        iteration: int,
        variables: Mapping[str, Any] | None,
    ) -> Any:  # noqa: ANN401 - the outputs of what is in it
        row = self.past.passes.get((group.id, inside, iteration))
        if row and row.status == "completed":
            return row.output
        if row and row.status == "failed":
            raise FailedStep(group.name, row.error or "it does not say why")
        self.run.go_on()
        pass_id = row.id if row else self._add_pass(group, inside, iteration, variables)
        key = {"tenant_id": self.run.tenant_id, "block_group_run_id": pass_id}
        with self._ours() as connection:
            block_group_runs.start(connection, **key)
        try:
            # what is done in a group is known outside by the group's output alone
            output = self._body(group, {**state, "steps": dict(state["steps"])}, pass_id)
        except FailedStep as error:
            with self._ours() as connection:
                block_group_runs.fail(connection, **key, error=str(error))
            raise FailedStep(group.name, str(error)) from error
        with self._ours() as connection:
            block_group_runs.complete(connection, **key, output=output)
        return output

    def _add_pass(
        self,
        group: FlowNode,
        inside: UUID | None,
        iteration: int,
        variables: Mapping[str, Any] | None,
    ) -> UUID:
        with self._ours() as connection:
            added = block_group_runs.add(
                connection,
                [
                    block_group_runs.AddValues(
                        tenant_id=self.run.tenant_id,
                        run_id=self.run.id,
                        block_group_id=group.id,
                        parent_run_id=inside,
                        iteration=iteration,
                        input=variables,
                    )
                ],
            )
        if not added:
            reason = "the group is not in the draft any more, where its passes are noted"
            raise FailedStep(group.name, reason)
        return added[0]

    def _body(self, group: FlowNode, state: State, pass_id: UUID) -> Any:  # noqa: ANN401
        graph, config = self.graph, group.config
        match group.type:
            case "parallel":
                return self._parallel(group, state, pass_id)
            case "try_catch":
                return self._try(group, state, pass_id)
            case "if_else":
                holds = self._holds(str(config.get("condition", "")), state)
                chosen = {"then", None} if holds else {"else"}
            case "switch_case":
                value = self._value(str(config.get("expression", "")), state)
                cases = {node.role for node in graph.inside(group.id)}
                chosen = {str(value) if str(value) in cases else "default"}
            case _:
                return self.level(graph.inside(group.id), group.id, state, pass_id)
        for node in graph.inside(group.id):
            if node.role not in chosen:
                self._skip(node, pass_id)
        return self.level(graph.inside(group.id, chosen), group.id, state, pass_id)

    def _try(self, group: FlowNode, state: State, pass_id: UUID) -> dict[str, Any]:
        inside = self.graph.inside
        caught = inside(group.id, {"catch"})
        failure: FailedStep | None = None
        outputs: dict[str, Any] = {}
        try:
            outputs = self.level(inside(group.id, {"try", None}), group.id, state, pass_id)
        except FailedStep as error:
            failure = error
        if failure and caught:
            state["error"] = str(failure)
            try:
                outputs = self.level(caught, group.id, state, pass_id)
            except FailedStep as error:
                failure = error
            else:
                failure = None
        else:
            for node in caught:
                self._skip(node, pass_id)
        outputs |= self.level(inside(group.id, {"finally"}), group.id, state, pass_id)
        if failure:
            raise failure
        return outputs

    def _parallel(self, group: FlowNode, state: State, pass_id: UUID) -> dict[str, Any]:
        """Run what no edge joins at the same time; the others end before one's failure is told."""
        nodes = self.graph.inside(group.id)
        branches = self.graph.branches(nodes, self.graph.arrows(nodes, group.id))
        at_once = int(group.config.get("max_concurrent", _BRANCHES_AT_ONCE))

        def branch(members: list[FlowNode]) -> dict[str, Any]:
            own = {**state, "steps": dict(state["steps"])}
            return self.level(members, group.id, own, pass_id)

        with ThreadPoolExecutor(max(1, min(at_once, len(branches)))) as pool:
            futures = [pool.submit(branch, members) for members in branches]
        errors = [error for future in futures if (error := future.exception())]
        # that the run is lost weighs more than that a step failed
        for error in sorted(errors, key=lambda error: isinstance(error, FailedStep)):
            raise error
        return {name: output for future in futures for name, output in future.result().items()}

    def _holds(self, expression: str, state: State) -> bool:
        with self._reading(expression) as connection:
            return expressions.is_true(connection, state=state, expression=expression)

    def _value(self, expression: str, state: State) -> Any:  # noqa: ANN401 - what is found
        with self._reading(expression) as connection:
            return expressions.find_value(connection, state=state, expression=expression)

    @contextmanager
    def _reading(self, expression: str) -> Generator[Connection[Any]]:
        try:
            with self.database.transaction() as connection:
                yield connection
        except (psycopg.DataError, psycopg.errors.SyntaxError):
            reason = "it is no JSONPath; write one as in $.steps.check.score > 3"
            raise FailedStep(expression, reason) from None

    @contextmanager
    def _ours(self) -> Generator[Connection[Any]]:
        """Begin a transaction that commits only if the run is still this worker's."""
        with self.database.transaction() as connection:
            self.run.told(renew(connection, self.run))
            yield connection
