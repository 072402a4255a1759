"""Measure the CPU of a client and of its backends, and the clock beside, in short slices."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """The nanoseconds that one call took; what the server spent is CPU, as is the client's."""

    client: float
    server: float
    wall: float

    @property
    def cpu(self) -> float:
        """What the client and the server spent together."""
        return self.client + self.server


def _nothing() -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One way to do the work."""

    name: str
    # does so many calls; another process returns what it spent in CPU and by the clock
    run: Callable[[int], tuple[int, int] | None]
    # the process ids of the backends that answer
    backends: Callable[[], Sequence[int]]
    # done before each slice, and not measured
    prepare: Callable[[], None] = _nothing
    # a fast one makes so many times the calls: a short slice is disturbed less than a long one
    times: int = 1


def measure(
    contestants: Sequence[Contestant], *, calls: int, seconds: float, fewest: int
) -> dict[str, Spent]:
    """Let the contestants take turns for so long, and give the 25th percentile of their slices.

    The percentile is that of client and server together; the clock has its own.
    """
    for contestant in contestants:
        contestant.prepare()
        contestant.run(max(calls // 3, 1))
    slices: dict[str, list[Spent]] = {contestant.name: [] for contestant in contestants}
    gc.collect()
    gc.freeze()
    ends = time.monotonic() + seconds
    turns = 0
    while turns < fewest or time.monotonic() < ends:
        # who comes after whom changes, so that nobody always pays for the same neighbour
        first = turns % len(contestants)
        for contestant in (*contestants[first:], *contestants[:first]):
            slices[contestant.name].append(_slice(contestant, calls))
        turns += 1
    gc.unfreeze()
    return {name: _quarter(spent) for name, spent in slices.items()}


def _slice(contestant: Contestant, calls: int) -> Spent:
    contestant.prepare()
    gc.collect()
    calls *= contestant.times
    backends = contestant.backends()
    server = sum(map(_on_cpu, backends))
    client, wall = time.process_time_ns(), time.monotonic_ns()
    told = contestant.run(calls)
    wall = time.monotonic_ns() - wall
    client = time.process_time_ns() - client
    server = sum(map(_on_cpu, backends)) - server
    if told is not None:
        client, wall = told
    return Spent(client / calls, server / calls, wall / calls)


def _on_cpu(pid: int) -> int:
    """Return the nanoseconds that a process has been on a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def _quarter(slices: Sequence[Spent]) -> Spent:
    by_cpu = sorted(slices, key=lambda spent: spent.cpu)
    typical = by_cpu[len(by_cpu) // 4]
    walls = [spent.wall for spent in slices]
    wall = statistics.quantiles(walls, n=4)[0] if len(walls) > 1 else walls[0]
    return typical._replace(wall=wall)


def grown(work: Callable[[], object]) -> float:
    """Return by how many MiB the process grew at most, resident, while it did the work."""
    gc.collect()
    # from now on the peak is counted anew
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    result = work()
    peak = _resident("VmHWM")
    del result
    return (peak - before) / 1024


def _resident(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1])
