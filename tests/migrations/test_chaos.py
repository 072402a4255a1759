"""A few dozen runs that end badly: `make chaos` makes five hundred."""

import pytest

from dbkit.server import Binaries
from tests.migrations.chaos import make_chaos

ROUNDS = 24
SEED = 20261129
# on a busy machine fewer rounds are made
SECONDS = 25.0


def test_the_next_run_finishes_what_any_other_left(
    binaries: Binaries, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_chaos(ROUNDS, SEED, binaries, SECONDS)

    assert 1 <= made <= ROUNDS
    assert capsys.readouterr().out.startswith(f"seed {SEED}: {made} rounds in ")
