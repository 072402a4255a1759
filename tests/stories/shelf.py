"""The stories by the name of their system, each with what must hold at its end."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tests.stories import ai_orchestration, mrwa, myloware, softwarestudio
from tests.stories.invariants import ai_orchestration as ai_orchestration_invariants
from tests.stories.invariants import mrwa as mrwa_invariants
from tests.stories.invariants import myloware as myloware_invariants
from tests.stories.invariants import softwarestudio as softwarestudio_invariants
from tests.stories.telling import Facts, Invariant, Say


class Tell(Protocol):
    """Have so many workers spend a day, and give what the world outside knows of it."""

    def __call__(self, url: str, *, workers: int, seed: int, say: Say) -> Facts: ...


class Story(NamedTuple):
    """A day, its invariants, and the command that shows what it left."""

    tell: Tell
    invariants: Sequence[Invariant]
    look: str


STORIES = {
    "softwarestudio": Story(
        softwarestudio.tell, softwarestudio_invariants.INVARIANTS, softwarestudio.LOOK
    ),
    "mrwa": Story(mrwa.tell, mrwa_invariants.INVARIANTS, mrwa.LOOK),
    "myloware": Story(myloware.tell, myloware_invariants.INVARIANTS, myloware.LOOK),
    "ai_orchestration": Story(
        ai_orchestration.tell, ai_orchestration_invariants.INVARIANTS, ai_orchestration.LOOK
    ),
}
