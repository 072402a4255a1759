"""Pools reach their database by the path under test."""

import pytest

from tests.conftest import Reach


@pytest.fixture
def empty_url(empty_url: str, reach: Reach) -> str:
    """The URL of an empty database of this test's own, by the path under test."""
    return reach(empty_url)
