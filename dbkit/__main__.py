"""Run dbkit's command line: `dbkit`, or `python -m dbkit`."""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # the driver's compiled half is loaded with the commands that need it, not for --help
    from dbkit.cli import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
