"""Start the processes of softwarestudio: `python -m dbkit.systems.softwarestudio expire`."""

from datetime import timedelta

import click

from dbkit.pools import Database
from dbkit.processes import Processes
from dbkit.systems.softwarestudio import agent_settings, retention

processes = Processes("softwarestudio", "The processes of softwarestudio.")


@processes.worker(
    "expire",
    every=60.0,
    options=(
        click.option(
            "--days",
            type=click.FloatRange(min=0),
            default=7.0,
            show_default=True,
            help="How long a session lives without a change.",
        ),
    ),
)
def expire(database: Database, days: float) -> int:
    """Expire the sessions that nothing has changed for their time to live, every minute."""
    with database.transaction() as connection:
        return retention.expire_sessions(connection, time_to_live=timedelta(days=days))


@processes.worker("reset-usage", every=60.0)
def reset_usage(database: Database) -> int:
    """Start a new day for the profiles whose count is from an earlier one, every minute."""
    with database.transaction() as connection:
        agent_settings.reset_daily_usage(connection)
    return 0


processes.pruning()


if __name__ == "__main__":
    processes.run()
