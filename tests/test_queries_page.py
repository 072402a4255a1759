"""The examples of docs/queries.md are query files and settings that dbkit accepts."""

import re
from pathlib import Path

import pytest

from dbkit.settings import System, load_settings
from dbkit.sqltext import Source
from tests.conftest import ROOT
from tests.queryfiles.reading import parse_queries

PAGE = (ROOT / "docs" / "queries.md").read_text()
_BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
_KIND = re.compile(r"^-- (?:name: \w+ )?:\w+$", re.MULTILINE)
QUERY_FILES = [text for language, text in _BLOCKS if language == "sql" and _KIND.search(text)]


@pytest.mark.parametrize("text", QUERY_FILES)
def test_a_query_file_that_is_shown_can_be_read(text: str) -> None:
    assert parse_queries(Source("sql/shop/orders/shown.sql", text), "orders")


def test_the_settings_that_are_shown_are_the_defaults_but_for_package_and_tenant(
    tmp_path: Path,
) -> None:
    shown = next(text for language, text in _BLOCKS if language == "toml")
    (tmp_path / "pyproject.toml").write_text(shown)

    settings = load_settings(tmp_path)

    expected = System(
        "shop",
        tmp_path / "migrations" / "shop",
        tmp_path / "sql" / "shop",
        "SHOP_DATABASE_URL",
        package="shop.queries",
        tenant="tenant_id",
        role="shop_app",
    )
    assert settings.systems == {"shop": expected}
    assert settings.server_folder == tmp_path / ".dbkit"


def test_every_setting_is_shown() -> None:
    shown = next(text for language, text in _BLOCKS if language == "toml")

    for key in ("migrations", "sql", "url-env", "package", "tenant", "calls", "folder", "postgres"):
        assert re.search(rf"^{key} = ", shown, re.MULTILINE), key
