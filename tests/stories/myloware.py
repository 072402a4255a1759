"""A day of myloware: requests become videos, and webhooks come twice, forged or too early."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation

from dbkit import STEADY, open_database
from dbkit.pgtypes import Json
from dbkit.pools import Database
from dbkit.systems.myloware import (
    artifacts,
    hitl_approvals,
    kb_documents,
    kb_embeddings,
    orchestration_checkpoints,
    project_socials,
    runs,
    socials,
    webhook_dlq,
    webhook_events,
)
from dbkit.systems.myloware.webhook_dlq import ClaimRow
from dbkit.systems.myloware.webhook_replay import replay
from tests.stories.telling import Crashed, Crowd, Facts, Say, strike

LOOK = "dbkit call myloware runs.list_recent project={story}"

_PERSONA, _PROVIDER = "iggy", "kieai"
_CLIPS = 3
_DIMENSIONS = 1536
_AT_ONCE = timedelta(0)
# more than any run needs; one that goes on for ever is a defect
_MOST_STEPS = 200


def tell(url: str, *, workers: int, seed: int, say: Say) -> Facts:
    """Have so many workers spend a day, and give what the world outside knows of it."""
    with open_database(url, STEADY) as database:
        day = Day(database, Crowd(workers, seed), f"day-{seed}", say)
        day.load_knowledge()
        day.choose_account()
        day.take_requests()
        day.make_videos()
        day.receive_webhooks()
        day.replay_dead_letters()
        day.come_late()
    return day.facts()


class Outrun(Exception):
    """Another worker has done the same meanwhile, so this one takes its work back."""


@dataclass
class Day:
    """The knowledge, accounts, runs and webhooks of one project and day."""

    database: Database
    crowd: Crowd
    name: str
    say: Say
    documents: set[UUID] = field(default_factory=set[UUID])
    letters: dict[str, UUID] = field(default_factory=dict[str, UUID])

    def run(self, number: int) -> str:
        """Two workers share a run, so that whatever is done is tried twice at once."""
        return f"{self.name}-{number // 2}"

    def webhook(self, number: int) -> str:
        return f"{self.run(number)}-finished"

    @property
    def poison(self) -> str:
        """The webhook that nobody can process, however often."""
        return self.webhook(0)

    def load_knowledge(self) -> None:
        """Load documents and their embeddings in bulk, both or neither."""

        def load(chance: Random, number: int) -> None:
            ids = [UUID(int=chance.getrandbits(128), version=4) for _ in range(2)]
            with self.database.transaction() as connection:
                kb_documents.load(
                    connection,
                    [
                        kb_documents.LoadValues(id_, self.name, _PERSONA, f"{number}/{id_}.md", "…")
                        for id_ in ids
                    ],
                )
                strike(chance, connection)
                kb_embeddings.load(
                    connection, [kb_embeddings.LoadValues(id_, embedding(chance)) for id_ in ids]
                )
                strike(chance, connection)
            self.documents.update(ids)

        self.crowd.do("knowledge", load)
        summary = self.crowd.summary("died")
        self.say(f"{len(self.documents)} documents with {_DIMENSIONS} dimensions each, {summary}")

    def choose_account(self) -> None:
        """Have everybody choose the account to publish with: the last one is obeyed."""
        with self.database.transaction() as connection:
            accounts = [
                socials.add(
                    connection,
                    provider="tiktok",
                    account_id=f"{self.name}-{number}",
                    credential_ref=None,
                    default_caption=None,
                    default_tags=None,
                    privacy=None,
                    rate_limit_window=None,
                )
                for number in range(4)
            ]
            for account in accounts:
                project_socials.add(connection, project=self.name, social_id=account)

        def choose(chance: Random, _: int) -> None:
            with self.database.transaction() as connection:
                project_socials.change_primary(
                    connection, project=self.name, social_id=chance.choice(accounts)
                )
                strike(chance, connection)

        self.crowd.do("account", choose)
        with self.database.connection() as connection:
            primary = socials.find_primary(connection, project=self.name)
        assert primary
        self.say(f"everybody chose an account, and {primary.account_id} it is")

    def take_requests(self) -> None:
        def take(chance: Random, number: int) -> None:
            run_id = self.run(number)
            try:
                with self.database.transaction() as connection:
                    runs.add(connection, run_id=run_id, project=self.name, payload={"of": "rain"})
                    orchestration_checkpoints.save(connection, run_id=run_id, state={"turn": 0})
                    strike(chance, connection)
            except UniqueViolation:
                self.crowd.count("came twice")

        self.crowd.do("requests", take)
        self.say(f"requests: {self.crowd.summary('came twice', 'died')}")

    def make_videos(self) -> None:
        def make(chance: Random, number: int) -> None:
            run_id = self.run(number)
            for _ in range(_MOST_STEPS):
                with self.database.connection() as connection:
                    run = runs.find(connection, run_id=run_id)
                assert run, "a request that was taken is lost"
                if run.status in {"published", "failed"}:
                    return
                try:
                    with self.database.transaction() as connection:
                        self.take_a_step(connection, chance, run)
                        strike(chance, connection)
                except Outrun:
                    self.crowd.count("outrun")
            message = f"{run_id} never ends"
            raise AssertionError(message)

        self.crowd.do("videos", make)
        with self.database.connection() as connection:
            done = {row.status: row.count for row in runs.count_by_status(connection)}
        summary = self.crowd.summary("died", "outrun", "opened a gate")
        self.say(f"work: {summary}; runs are now {done}")

    def take_a_step(self, connection: Connection[Any], chance: Random, run: runs.FindRow) -> None:
        """Do what comes next, of which one of two workers succeeds."""
        waits, _, gate = run.status.partition("_")
        if waits != "pending":
            self.produce(connection, chance, run.run_id)
        elif chance.random() < 0.1:
            runs.fail(connection, run_id=run.run_id, result={"refused at": gate})
        elif hitl_approvals.add(connection, run_id=run.run_id, gate=gate, approver="Ada"):
            self.crowd.count("opened a gate")

    def produce(self, connection: Connection[Any], chance: Random, run_id: str) -> None:
        """Go one turn on from where the run has got to, as nobody else may have done since."""
        found = orchestration_checkpoints.find(connection, run_id=run_id)
        assert found
        turn = turn_of(found.state)
        if not orchestration_checkpoints.save(
            connection, run_id=run_id, state={"turn": turn + 1}, read_at=found.updated_at
        ):
            raise Outrun
        if turn == 0:
            self.read_up(connection, chance, run_id)
            on = runs.wait(connection, run_id=run_id, gate="ideate")
        elif turn == 1:
            self.record_clips(connection, run_id)
            on = runs.wait(connection, run_id=run_id, gate="prepublish")
        else:
            on = runs.finish(connection, run_id=run_id, result={"clips": _CLIPS})
        if on is None:
            raise Outrun

    def read_up(self, connection: Connection[Any], chance: Random, run_id: str) -> None:
        """Record what a persona read, and what it cites of that."""
        near = kb_embeddings.search(
            connection,
            embedding=embedding(chance),
            project=self.name,
            persona=_PERSONA,
            max_results=3,
        )
        artifacts.add_with_citations(
            connection,
            run_id=run_id,
            persona=_PERSONA,
            query="What does rain sound like?",
            doc_ids=[document.doc_id for document in near],
            similarities=[document.similarity for document in near],
            citations=[{"path": near[0].path, "reason": "It says so."}],
        )

    def record_clips(self, connection: Connection[Any], run_id: str) -> None:
        artifacts.add_all(
            connection,
            [
                artifacts.AddAllValues(
                    run_id=run_id,
                    type="clip",
                    provider=_PROVIDER,
                    metadata={"number": number},
                    url=None,
                    persona=_PERSONA,
                    checksum=f"{number}",
                )
                for number in range(_CLIPS)
            ],
        )

    def receive_webhooks(self) -> None:
        """Receive each webhook twice at once, and now and then a forged one beside it."""

        def receive(chance: Random, number: int) -> None:
            if chance.random() < 0.3:
                with self.database.transaction() as connection:
                    self.record(connection, self.webhook(number), "invalid")
            key, letter = self.webhook(number), None
            with self.database.transaction() as connection:
                added = self.record(connection, key, "valid")
                if added.outcome != "recorded":
                    self.crowd.count("came twice")
                elif key == self.poison or chance.random() < 0.3:
                    letter = webhook_dlq.add(
                        connection, idempotency_key=key, error="not ready", base=_AT_ONCE
                    )
                    assert letter
                elif chance.random() < 0.3:
                    # dies between its commit and its work: the entry is all that is left of it
                    letter = added.queue_id
                    assert letter
                else:
                    self.process(connection, key)
                    assert added.queue_id
                    webhook_dlq.resolve(connection, id=added.queue_id)
                strike(chance, connection)
            if letter:
                self.letters[key] = letter

        self.crowd.do("webhooks", receive)
        summary = self.crowd.summary("came twice", "died")
        self.say(f"webhooks: {summary}, {len(self.letters)} are dead letters")

    def record(
        self, connection: Connection[Any], key: str, signature_status: str
    ) -> webhook_events.AddRow:
        return webhook_events.add(
            connection,
            idempotency_key=key,
            provider=_PROVIDER,
            headers={"content-type": "application/json"},
            payload=b"{}",
            signature_status=signature_status,
        )

    def process(self, connection: Connection[Any], key: str) -> None:
        """Do what a webhook asks for; done twice, it would show."""
        artifacts.add(
            connection,
            run_id=key.removesuffix("-finished"),
            type="video",
            provider=_PROVIDER,
            metadata={"webhook": key},
        )

    def replay_dead_letters(self) -> None:
        """Replay what failed, round after round, until only what cannot be processed is left."""
        turns = 0
        while self.requeue() != [self.poison]:
            turns += 1
            # a claim that is over at once: several have the same letter, and one may process it
            self.crowd.do(f"replay {turns}", self.replayer(max_retries=999, lease=_AT_ONCE))
        self.crowd.do("the last replay", self.replayer(max_retries=1, lease=timedelta(minutes=5)))
        with self.database.connection() as connection:
            given_up = webhook_dlq.list_given_up(connection, max_entries=1)
        summary = self.crowd.summary("replayed", "postponed", "lost to another", "given up", "died")
        self.say(f"dead letters in {turns} rounds: {summary}")
        self.say(f"one is left for a person: {given_up[0].idempotency_key}")

    def requeue(self) -> list[str]:
        """Have all dead letters tried again, and give those that are left."""
        with self.database.transaction() as connection:
            return [
                key
                for key, letter in sorted(self.letters.items())
                if webhook_dlq.requeue(connection, id=letter)
            ]

    def replayer(self, *, max_retries: int, lease: timedelta) -> Callable[[Random, int], None]:
        def work(chance: Random, _: int) -> None:
            with self.database.connection() as connection:

                def process(letter: ClaimRow) -> None:
                    if letter.idempotency_key == self.poison:
                        raise Crashed
                    self.process(connection, letter.idempotency_key)
                    strike(chance, connection)

                done = replay(connection, process, max_retries=max_retries, lease=lease)
            self.crowd.count("replayed", done.resolved)
            self.crowd.count("postponed", done.postponed)
            self.crowd.count("lost to another", done.lost)
            self.crowd.count("given up", done.given_up)

        return work

    def come_late(self) -> None:
        """Do again what is done: nothing may come of it."""

        def come(_: Random, number: int) -> list[object]:
            run_id = self.run(number)
            with self.database.transaction() as connection:
                run = runs.find(connection, run_id=run_id)
                if run and run.status == "published":
                    self.record_clips(connection, run_id)
                return [
                    self.record(connection, self.webhook(number), "valid").outcome != "known",
                    hitl_approvals.add(connection, run_id=run_id, gate="workflow", approver="Bob"),
                    runs.start(connection, run_id=run_id),
                    runs.fail(connection, run_id=run_id, result=None),
                ]

        late = self.crowd.do("late", come)
        assert not any(any(answers) for answers in late), "a run that was over has changed"
        self.say(f"{self.crowd.workers} workers came late, and changed nothing")

    def facts(self) -> Facts:
        numbers = range(0, self.crowd.workers, 2)
        return {
            "story": self.name,
            "runs": [self.run(number) for number in numbers],
            "webhooks": [self.webhook(number) for number in numbers],
            "poison": self.poison,
            "documents": [*self.documents],
            "clips": _CLIPS,
        }


def turn_of(state: Json) -> int:
    match state:
        case {"turn": int(turn)}:
            return turn
        case _:
            message = f"a checkpoint has no turn: {state}"
            raise AssertionError(message)


def embedding(chance: Random) -> list[float]:
    return [chance.uniform(-1, 1) for _ in range(_DIMENSIONS)]
