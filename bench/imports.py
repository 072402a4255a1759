"""Measure what the import of a generated module costs beside that of the driver.

    python bench/imports.py [--module dbkit.systems.myloware.runs] [--rounds 15]

Each round is a process of its own that imports the driver and its pool, and then the module; the
ratio of their CPU times is printed, without bytecode files and with them, as the 25th percentile.
"""

import argparse
import compileall
import os
import subprocess
import sys
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
_SCRIPT = """
import time
began = time.process_time()
import psycopg, psycopg_pool
driver = time.process_time()
import {module}
print(driver - began, time.process_time() - driver)
"""


def main() -> None:
    """Print the two ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", default="dbkit.systems.myloware.runs")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print(f"import {options.module}, beside import psycopg, psycopg_pool")
    for name, has_bytecode in (("without bytecode files", False), ("with bytecode files", True)):
        driver, module = measure(options.module, options.rounds, has_bytecode=has_bytecode)
        print(
            f"  {name:24} {driver * 1000:6.1f} ms {module * 1000:6.1f} ms {module / driver:5.2f} x"
        )


def measure(module: str, rounds: int, *, has_bytecode: bool) -> tuple[float, float]:
    """Give the CPU seconds of both imports, each the 25th percentile of the rounds."""
    with TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if has_bytecode:
            environment["PYTHONPYCACHEPREFIX"] = folder
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            sys.pycache_prefix = folder
            compileall.compile_dir(ROOT / "dbkit", quiet=2)
            sys.pycache_prefix = None
            # the driver's are written by the first run
            _run(module, environment)
        else:
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        timed = [_run(module, environment) for _ in range(rounds)]
    drivers, modules = zip(*timed, strict=True)
    return quantiles(drivers, n=4)[0], quantiles(modules, n=4)[0]


def _run(module: str, environment: dict[str, str]) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(module=module)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    driver, imported = map(float, done.stdout.split())
    return driver, imported


if __name__ == "__main__":
    main()
