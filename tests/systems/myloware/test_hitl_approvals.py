"""A person opens the gate a run waits at, and it stays on record who did."""

from functools import partial

import pytest
from psycopg import Connection

from dbkit.systems.myloware import hitl_approvals, runs
from tests.systems.myloware.conftest import Crowd


@pytest.fixture
def waiting(database: Connection, run: str) -> str:
    """A run that waits for its idea to be approved."""
    runs.wait(database, run_id=run, gate="ideate")
    database.commit()
    return run


def test_an_approval_starts_a_run_whose_workflow_was_proposed(database: Connection) -> None:
    runs.add(database, run_id="asked", project="aismr", payload={"workflow": ["ideate"]})

    approval = hitl_approvals.add(database, run_id="asked", gate="workflow")

    found = runs.find(database, run_id="asked")
    assert approval is not None
    assert approval.approver is None
    assert found is not None
    assert found.status == "running"


def test_all_three_gates_of_a_run_stay_on_record(database: Connection) -> None:
    runs.add(database, run_id="asked", project="aismr", payload=None)

    hitl_approvals.add(database, run_id="asked", gate="workflow", approver="ada")
    for gate in ("ideate", "prepublish"):
        runs.wait(database, run_id="asked", gate=gate)
        hitl_approvals.add(
            database, run_id="asked", gate=gate, approver_ip="::1", metadata={"note": gate}
        )

    logged = hitl_approvals.list_for_run(database, run_id="asked")
    assert [(one.gate, one.approver, one.approver_ip, one.metadata) for one in logged] == [
        ("workflow", "ada", None, None),
        ("ideate", None, "::1", {"note": "ideate"}),
        ("prepublish", None, "::1", {"note": "prepublish"}),
    ]


@pytest.mark.parametrize("gate", ["prepublish", "workflow", "back"])
def test_another_gate_than_the_one_waited_at_is_not_opened(
    database: Connection, waiting: str, gate: str
) -> None:
    approval = hitl_approvals.add(database, run_id=waiting, gate=gate)

    found = runs.find(database, run_id=waiting)
    assert approval is None
    assert hitl_approvals.list_for_run(database, run_id=waiting) == []
    assert found is not None
    assert found.status == "pending_ideate"


def test_of_many_who_approve_at_once_one_is_logged(
    database: Connection, waiting: str, crowd: Crowd
) -> None:
    approvals = crowd.at_once(
        *(
            partial(hitl_approvals.add, run_id=waiting, gate="ideate", approver=str(number))
            for number in range(8)
        )
    )

    [logged] = hitl_approvals.list_for_run(database, run_id=waiting)
    [given] = [one for one in approvals if one is not None]
    assert given.approver == logged.approver
