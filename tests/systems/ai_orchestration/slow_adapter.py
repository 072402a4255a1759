"""An adapter that takes its time, for a worker that is killed meanwhile."""

import time

from dbkit.runtime import JsonLike
from dbkit.systems.ai_orchestration.interpreter import StepCall


def answer(call: StepCall) -> JsonLike:
    time.sleep(60)
    return call.name
