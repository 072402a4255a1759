"""Run dbkit's command line: `dbkit`, or `python -m dbkit`."""

import gc
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # modules are no garbage, and looking through them would take a tenth of a short command's time
    gc.set_threshold(100_000)
    # the driver's compiled half is loaded with the commands that need it, not for --help
    from dbkit.cli import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
