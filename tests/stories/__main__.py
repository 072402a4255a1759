"""Tell the stories on the project's own databases, for people to watch: `make demo`."""

import logging
import subprocess
import sys
import time

import click
import psycopg

from tests.stories.evening import spend
from tests.stories.shelf import STORIES, Story
from tests.stories.telling import find_broken

_WORKERS = 12


def main(systems: list[str]) -> int:
    """Tell the stories of some systems, or of all, and say what holds and where to look."""
    # a pool warns of each connection that it loses, and here they are lost on purpose
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    # no day has the name of an earlier one, so that all that was left stays
    seed = time.time_ns() // 1_000_000
    return max([tell(system, STORIES[system], seed) for system in systems or STORIES])


def tell(system: str, story: Story, seed: int) -> int:
    """Tell one story, and give the exit code."""
    click.secho(f"{system}: a day of {_WORKERS} workers, number {seed}", bold=True)
    url = url_of(system)
    facts = story.tell(url, workers=_WORKERS, seed=seed, say=lambda line: click.echo(f"  {line}"))
    with psycopg.connect(url) as connection:
        broken = find_broken(connection, story.invariants, facts)
    for invariant in story.invariants:
        rows = broken.get(invariant.sentence)
        click.echo(f"  NO: {invariant.sentence}: {rows}" if rows else f"  ok: {invariant.sentence}")
    click.secho(f"{system}: an evening with its processes", bold=True)
    wrong = spend(system, url, seed, lambda line: click.echo(f"  {line}"))
    click.echo(
        "".join(f"  NO: {line}\n" for line in wrong) or "  ok: all of the work is done\n", nl=False
    )
    click.echo(f"  look at it: {story.look.format(story=f'day-{seed}')}\n")
    return 1 if broken or wrong else 0


def url_of(system: str) -> str:
    """Ask the command line, as a person would."""
    asked = [sys.executable, "-m", "dbkit", "url", system]
    return subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
