"""A child process that loads what it needs, and nothing that measures it."""

import os
from collections.abc import Mapping


def plain_environment() -> Mapping[str, str]:
    """Give this environment without what has a child process measured for coverage."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}
