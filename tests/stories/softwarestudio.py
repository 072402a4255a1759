"""A day of softwarestudio: agents take missions from a plan to a product, and die on the way."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from psycopg import Connection
from psycopg.errors import UniqueViolation

from dbkit import OVERFLOWING, open_database
from dbkit.pools import Database
from dbkit.systems.softwarestudio import (
    agent_executions,
    agent_settings,
    artifacts,
    audit_log,
    checkpoints,
    metrics,
    prompt_versions,
    sessions,
)
from tests.stories.telling import Crowd, Facts, Say, strike

LOOK = "dbkit call softwarestudio audit_log.list_recent session_id={story}-0"

_MAKES = {"pm": "prd", "arch": "tech_spec", "eng": "code", "qa": "test"}
_VALUES = 50
# more than any session needs; one that goes on for ever is a defect
_MOST_STEPS = 200


def tell(url: str, *, workers: int, seed: int, say: Say) -> Facts:
    """Have so many workers spend a day, and give what the world outside knows of it."""
    with open_database(url, OVERFLOWING) as database:
        day = Day(database, Crowd(workers, seed), f"day-{seed}", say)
        day.open_profiles()
        day.write_prompts()
        day.accept_missions()
        day.work_on_missions()
        day.come_late()
        day.record_metrics()
    return day.facts()


class Outrun(Exception):
    """Another worker has done the same meanwhile, so this one takes its work back."""


@dataclass
class Day:
    """Profiles, prompts, missions and metrics of one day, all named for it."""

    database: Database
    crowd: Crowd
    name: str
    say: Say

    def profile(self, agent: str) -> str:
        return f"{self.name}-{agent}"

    def session(self, number: int) -> str:
        """Two workers share a session, so that whatever is done is tried twice at once."""
        return f"{self.name}-{number // 2}"

    def open_profiles(self) -> None:
        with self.database.transaction() as connection:
            for agent in _MAKES:
                agent_settings.add(
                    connection,
                    profile_name=self.profile(agent),
                    # what engineers may use is too little for all of them
                    daily_limit=250 * self.crowd.workers if agent == "eng" else 0,
                    hard_limit=agent == "eng",
                    usage_unit="tokens",
                )
        self.say(f"{len(_MAKES)} profiles, of which the engineers have a hard limit of tokens")

    def write_prompts(self) -> None:
        profile = self.profile("eng")

        def write(chance: Random, number: int) -> None:
            with self.database.transaction() as connection:
                added = prompt_versions.add(
                    connection, profile_name=profile, prompt_content=f"Be engineer {number}."
                )
                strike(chance, connection)
            # not only one's own: an older one is a roll back
            version = chance.randint(1, added.version_number)
            with self.database.transaction() as connection:
                prompt_versions.activate(
                    connection,
                    profile_name=profile,
                    version_number=version,
                    active_prompt_path=f"prompts/{version}.md",
                )
                strike(chance, connection)

        self.crowd.do("prompts", write)
        with self.database.connection() as connection:
            active = prompt_versions.find_active(connection, profile_name=profile)
        assert active
        self.say(f"{self.crowd.workers} writers of one prompt: {active.version_number} is active")

    def accept_missions(self) -> None:
        def accept(chance: Random, number: int) -> None:
            try:
                with self.database.transaction() as connection:
                    strike(chance, connection)
                    sessions.add(
                        connection,
                        session_id=self.session(number),
                        user_mission="Build a clock",
                        project_name=self.name,
                    )
                    strike(chance, connection)
            except UniqueViolation:
                self.crowd.count("came twice")

        self.crowd.do("missions", accept)
        self.say(f"missions: {self.crowd.summary('came twice')}")

    def work_on_missions(self) -> None:
        def work(chance: Random, number: int) -> None:
            session_id = self.session(number)
            for _ in range(_MOST_STEPS):
                with self.database.connection() as connection:
                    session = sessions.find(connection, session_id=session_id)
                assert session, "a session that was accepted is lost"
                if session.status in {"completed", "failed"}:
                    return
                self.take_a_step(chance, session)
            message = f"{session_id} never ends"
            raise AssertionError(message)

        self.crowd.do("work", work)
        with self.database.transaction(read_only=True) as connection:
            done = {status.status: status.count for status in sessions.list_metrics(connection)}
        summary = self.crowd.summary("died", "outrun", "refused by the limit")
        self.say(f"work: {summary}; sessions are now {done}")

    def take_a_step(self, chance: Random, session: sessions.FindRow) -> None:
        """Do what comes next, of which one of two workers succeeds."""
        key = session.session_id
        if session.current_phase in _MAKES and session.status == "running":
            self.employ(session.current_phase, chance, key)
            return
        with self.database.transaction() as connection:
            if session.status == "pending":
                sessions.start(connection, session_id=key)
            elif chance.random() < 0.3:
                back_to = chance.choice(["pm", "arch"])
                sessions.reject(connection, session_id=key, back_to=back_to)
            else:
                sessions.approve(connection, session_id=key)
            strike(chance, connection)

    def employ(self, agent: str, chance: Random, session_id: str) -> None:
        """Pay an agent, have it work, and take back what was paid if nothing came of it."""
        profile, tokens = self.profile(agent), chance.randint(100, 1000)
        with self.database.transaction() as connection:
            paid = agent_settings.charge(connection, profile_name=profile, tokens=tokens)
        if paid is None:
            self.crowd.count("refused by the limit")
            with self.database.transaction() as connection:
                sessions.fail(connection, session_id=session_id, error_message="no tokens left")
            return
        try:
            # what is read here is what is written upon: who was slower begins anew, and sees it
            self.database.retry(
                lambda connection: self.let_work(connection, agent, chance, session_id, tokens),
                isolation="repeatable read",
            )
        except BaseException as error:
            with self.database.transaction() as connection:
                agent_settings.refund(connection, profile_name=profile, amount=tokens)
            if not isinstance(error, Outrun):
                raise
            self.crowd.count("outrun")
        else:
            self.crowd.count(profile, tokens)

    def let_work(
        self,
        connection: Connection[Any],
        agent: str,
        chance: Random,
        session_id: str,
        tokens: int,
    ) -> None:
        """Leave an execution, a checkpoint, two files and a new state, or nothing at all."""
        session = sessions.find(connection, session_id=session_id)
        if session is None or (session.status, session.current_phase) != ("running", agent):
            raise Outrun
        execution = agent_executions.start(connection, session_id=session_id, agent_type=agent)
        latest = checkpoints.find_latest(connection, thread_id=session_id)
        parent = latest.checkpoint_id if latest else None
        turn = int(parent or "0") + 1
        checkpoints.put(
            connection,
            thread_id=session_id,
            checkpoint_id=str(turn),
            parent_checkpoint_id=parent,
            checkpoint_data={"turn": turn},
        )
        strike(chance, connection)
        artifacts.add_each(
            connection,
            [
                artifacts.AddEachValues(
                    session_id=session_id,
                    artifact_type=_MAKES[agent],
                    file_path=f"{agent}/{file}",
                    # now and then an agent leaves a file as it was
                    content_hash=sha256(chance.randbytes(1)).hexdigest(),
                )
                for file in ("one.md", "two.md")
            ],
        )
        sessions.change_state(connection, session_id=session_id, state_json={"turn": turn})
        agent_executions.complete(
            connection, id=execution, output_summary=f"turn {turn}", tokens_used=tokens
        )
        strike(chance, connection)
        if agent != "qa":
            on = sessions.advance(connection, session_id=session_id, current_phase=agent)
        elif chance.random() < 0.4:
            on = sessions.send_back(connection, session_id=session_id)
        else:
            on = sessions.pass_qa(connection, session_id=session_id)
        if on is None:
            raise Outrun

    def come_late(self) -> None:
        """Decide on what is over: nothing may come of it."""

        def decide_again(_: Random, number: int) -> bool:
            key = self.session(number)
            with self.database.transaction() as connection:
                approved = sessions.approve(connection, session_id=key)
                failed = sessions.fail(connection, session_id=key, error_message="too late")
            return approved is not None or failed is not None

        assert not any(self.crowd.do("late", decide_again)), "a session that was over has changed"
        self.say(f"{self.crowd.workers} workers came late, and changed nothing")

    def record_metrics(self) -> None:
        """Load numbers in bulk; who dies meanwhile leaves none of them."""
        began = datetime.now(UTC)
        name = f"{self.name}.seconds"

        def load(chance: Random, number: int) -> None:
            with self.database.transaction() as connection:
                metrics.load(
                    connection,
                    [
                        metrics.LoadValues(
                            metric_name=name,
                            metric_value=chance.random(),
                            labels={"worker": number},
                            recorded_at=began + timedelta(seconds=second),
                        )
                        for second in range(_VALUES)
                    ],
                )
                strike(chance, connection)

        self.crowd.do("metrics", load)
        with self.database.transaction(read_only=True) as connection:
            series = metrics.list_series(
                connection,
                metric_name=name,
                since=began,
                until=began + timedelta(seconds=_VALUES),
                step=timedelta(seconds=_VALUES),
            )
            trail = audit_log.list_recent(connection, session_id=self.session(0))
        self.say(f"{series[0].count} values, 95 in a hundred up to {series[0].p95}")
        self.say(f"the trail of {self.session(0)}: {len(trail)} events")

    def facts(self) -> Facts:
        profiles = [self.profile(agent) for agent in _MAKES]
        return {
            "story": f"{self.name}-",
            "metric": f"{self.name}.seconds",
            "sessions": sorted({self.session(number) for number in range(self.crowd.workers)}),
            "profiles": profiles,
            "granted": [self.crowd.happened[profile] for profile in profiles],
            "workers": self.crowd.workers,
            "values": _VALUES,
        }
