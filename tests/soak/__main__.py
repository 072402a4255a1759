"""Soak dbkit: `python -m tests.soak 1000000 7`, calls and a seed."""

import sys
import time

from dbkit.server import find_binaries
from tests.soak.soaking import soak

# the server goes once in so many calls, and something else is disturbed
_RESTART = 150_000
_EVERY = 1_500


def main() -> int:
    """Run the soak, and fail if anything is wrong."""
    calls, seed, postgres = [*sys.argv[1:], "", "", ""][:3]
    number = int(seed or time.time())
    made = int(calls or 1_000_000)
    print(f"seed {number}", flush=True)  # noqa: T201 - a command's output
    counted = soak(
        made,
        seed=number,
        restarts=max(1, made // _RESTART),
        every=_EVERY,
        binaries=find_binaries(postgres or None),
    )
    return 1 if any(counted.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
