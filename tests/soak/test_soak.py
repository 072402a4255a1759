"""A few thousand mixed calls with everything that disturbs them: `make soak` makes a million."""

import pytest

from dbkit.server import Binaries
from tests.soak.soaking import soak

CALLS = 4_000


@pytest.mark.usefixtures("own_path")
def test_nothing_is_wrong_lost_doubled_or_hung(binaries: Binaries) -> None:
    counted = soak(CALLS, seed=20260101, restarts=1, every=200, binaries=binaries)

    assert counted == {"wrong": 0, "lost": 0, "doubled": 0, "hung": 0}
