"""Adapters that take their time, for a worker that is killed or stopped meanwhile."""

import os
import time
from pathlib import Path

from dbkit.runtime import JsonLike
from dbkit.systems.ai_orchestration.interpreter import StepCall


def answer(call: StepCall) -> JsonLike:
    time.sleep(60)
    return call.name


def wait_for_file(call: StepCall) -> JsonLike:
    """Answer when the file is there that the environment names."""
    while not Path(os.environ["SLOW_ADAPTER_FILE"]).exists():
        time.sleep(0.02)
    return call.name
