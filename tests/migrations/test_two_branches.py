"""Two people make migrations on two branches, and mend what meets by what dbkit says."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.seen import contents, refusal
from tests.project import Project

ORDERS = "create table orders (id integer);\n"
SETTINGS = "[tool.dbkit.systems.shop]\ndevelopment = true\n"


@pytest.fixture
def shop(project: Project) -> Project:
    """A project in git with one migration, whose database is for development."""
    (project.root / "pyproject.toml").write_text(SETTINGS)
    project.migration("0001_orders", ORDERS, "drop table orders;\n")
    git(project, "init", "-q", "-b", "main")
    commit(project, "orders")
    assert project.dbkit("migrate").returncode == 0
    return project


def git(project: Project, *arguments: str) -> str:
    """Run git in the project, without anybody's settings."""
    ran = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        cwd=project.root,
        env={"PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(project.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def commit(project: Project, message: str) -> None:
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", message)


def add(project: Project, name: str, more: str = "") -> None:
    """Write a migration that makes a table of its own name."""
    table = name.partition("_")[2]
    project.migration(
        name,
        f"{more}create table {table} (id integer);\n",
        f"-- Undoes {name}.sql.\ndrop table {table};\n",
    )


def two_branches(project: Project) -> None:
    """Make `0002_mine` and `0003_also_mine` here, and `0002_theirs` on main; then merge main."""
    git(project, "switch", "-q", "-c", "mine")
    add(project, "0002_mine")
    add(project, "0003_also_mine", "-- depends: 0002_mine\n")
    commit(project, "mine")
    assert project.dbkit("migrate").returncode == 0
    git(project, "switch", "-q", "main")
    add(project, "0002_theirs")
    commit(project, "theirs")
    git(project, "switch", "-q", "mine")
    git(project, "merge", "-q", "main", "-m", "merge")


def names(project: Project) -> list[str]:
    """Return the names of the files in the folder of migrations."""
    return sorted(path.name for path in (project.root / "migrations/shop").iterdir())


def tables(project: Project) -> list[str]:
    """Return the tables in public."""
    found = project.rows("select tablename from pg_tables where schemaname = 'public' order by 1")
    return [name for (name,) in found if name != "schema_version"]


def commands(text: str) -> list[list[str]]:
    """Return the commands that a message names, in their order."""
    named = re.findall(r'dbkit [a-z]+ shop(?: --[a-z-]+| "\w+"| \d+)*', text)
    return [shlex.split(command)[1:] for command in named]


def test_a_conflict_is_mended_only_by_what_dbkit_says(shop: Project) -> None:
    two_branches(shop)

    told: list[str] = []
    for _ in range(5):
        status = shop.dbkit("status")
        if status.returncode == 0:
            break
        refused = shop.dbkit("migrate")
        if refused.returncode == 0:
            continue
        told.append(refused.stderr)
        # the first thing that the first error says
        ran = shop.dbkit(*commands(refused.stderr)[0])
        assert ran.returncode == 0, ran.stderr

    assert shop.dbkit("status").returncode == 0, told
    assert tables(shop) == ["also_mine", "mine", "orders", "theirs"]
    assert "number 2 is taken by migrations/shop/0002_mine.sql" in told[0]
    assert names(shop) == [
        "0001_orders.rollback.sql",
        "0001_orders.sql",
        "0002_mine.rollback.sql",
        "0002_mine.sql",
        "0003_also_mine.rollback.sql",
        "0003_also_mine.sql",
        "0004_theirs.rollback.sql",
        "0004_theirs.sql",
    ]
    assert (shop.root / "migrations/shop/0004_theirs.rollback.sql").read_text() == (
        "-- Undoes 0004_theirs.sql.\ndrop table theirs;\n"
    )


def test_what_the_base_branch_has_keeps_its_number_and_the_database_follows(
    shop: Project,
) -> None:
    two_branches(shop)
    shop.dbkit("psql", "shop", "--", "-c", "insert into mine values (1)")

    renamed = shop.dbkit("renumber", "shop", "--base", "main")
    refused = refusal(shop.dbkit("migrate"))
    plan = shop.dbkit("migrate", "shop", "--follow", "--plan")
    before = contents(shop)
    followed = shop.dbkit("migrate", "shop", "--follow")

    assert renamed.stdout == (
        "shop: 0002_mine is now 0003_mine\nshop: 0003_also_mine is now 0004_also_mine\n"
    )
    assert "-- depends: 0003_mine" in (shop.root / "migrations/shop/0004_also_mine.sql").read_text()
    assert "0002_mine was applied here, and is 0003_mine now" in refused
    assert plan.stdout == (
        "shop: from version 3 to 4, would run\n"
        "  take back 0003_also_mine\n"
        "    drop table also_mine\n"
        "  take back 0002_mine\n"
        "    drop table mine\n"
        "  0002_theirs\n"
        "  0003_mine\n"
        "  0004_also_mine\n"
    )
    assert "public.mine" in before or "mine" in before
    assert followed.returncode == 0, followed.stderr
    assert shop.dbkit("status").returncode == 0
    assert tables(shop) == ["also_mine", "mine", "orders", "theirs"]
    assert [applied["name"] for applied in shop.status()["applied"]] == [
        "0001_orders",
        "0002_theirs",
        "0003_mine",
        "0004_also_mine",
    ]


def test_after_a_switch_of_branches_the_database_follows(shop: Project) -> None:
    git(shop, "switch", "-q", "-c", "mine")
    add(shop, "0002_mine")
    shop.object("seen", "create or replace view seen as select id from mine;")
    commit(shop, "mine")
    assert shop.dbkit("migrate").returncode == 0
    git(shop, "switch", "-q", "main")
    add(shop, "0002_theirs")

    followed = shop.dbkit("migrate", "--follow")
    again = shop.dbkit("migrate", "--follow")

    assert followed.returncode == 0, followed.stderr
    assert tables(shop) == ["orders", "theirs"]
    assert again.stdout == "shop: up to date at version 2\n"


def test_what_has_no_rollback_is_not_taken_back_and_nothing_is_done(shop: Project) -> None:
    more = shop.migration("0002_more", "create table more ();", None)
    add(shop, "0003_last")
    assert shop.dbkit("migrate").returncode == 0
    more.unlink()
    add(shop, "0002_theirs")
    before = contents(shop)

    refused = refusal(shop.dbkit("migrate", "--follow"))

    assert refused == (
        "0002_more is to be taken back, and neither the ledger nor this checkout has its rollback, "
        "so nothing was done; write the rollback and try again"
    )
    assert contents(shop) == before


def test_a_fault_in_what_is_to_run_is_found_before_anything_is_taken_back(shop: Project) -> None:
    add(shop, "0002_mine")
    assert shop.dbkit("migrate").returncode == 0
    for path in (shop.root / "migrations/shop").glob("0002*"):
        path.unlink()
    shop.migration("0002_theirs", "begin; create table theirs ();")
    before = contents(shop)

    refused = refusal(shop.dbkit("migrate", "--follow"))

    assert "0002_theirs.sql:1:1: 'begin'" in refused
    assert contents(shop) == before


def test_a_database_that_is_not_for_development_does_not_follow(shop: Project) -> None:
    (shop.root / "pyproject.toml").write_text("[tool.dbkit.systems.shop]\n")

    refused = refusal(shop.dbkit("migrate", "--follow"))

    assert refused.startswith("the database of shop is not for development")


def test_whether_a_database_is_for_development_is_true_or_false(shop: Project) -> None:
    (shop.root / "pyproject.toml").write_text('[tool.dbkit.systems.shop]\ndevelopment = "yes"\n')

    refused = refusal(shop.dbkit("status"))

    assert refused.endswith("development is to be true or false, not 'yes'")


def test_a_plan_of_new_numbers_renames_nothing(shop: Project) -> None:
    two_branches(shop)
    before = names(shop)

    planned = shop.dbkit("renumber", "shop", "--plan")

    assert planned.stdout == "shop: 0002_theirs would be 0004_theirs\n"
    assert names(shop) == before


def test_a_gap_that_never_was_is_closed(project: Project) -> None:
    for name in ("0001_one", "0004_two", "0005_three"):
        add(project, name)

    renamed = project.dbkit("renumber", "shop")

    assert renamed.stdout == "shop: 0004_two is now 0002_two\nshop: 0005_three is now 0003_three\n"
    assert project.dbkit("migrate").returncode == 0
    assert project.dbkit("renumber", "shop").stdout == "shop: every migration has its number\n"


def test_what_is_applied_keeps_its_number_though_one_is_missing_below_it(shop: Project) -> None:
    add(shop, "0002_two")
    add(shop, "0003_three")
    assert shop.dbkit("migrate").returncode == 0
    for path in (shop.root / "migrations/shop").glob("0002*"):
        path.unlink()

    refused = refusal(shop.dbkit("renumber", "shop"))

    assert refused == (
        "migrations/shop/0003_three.sql is applied and keeps its number, but number 2 is missing "
        "below it; bring that file back"
    )


def test_a_branch_that_git_does_not_know_is_told(shop: Project, tmp_path: Path) -> None:
    refused = refusal(shop.dbkit("renumber", "shop", "--base", "nowhere"))

    assert refused.startswith("git cannot tell which migrations 'nowhere' has: ")
    assert tmp_path.exists()


def findings(project: Project) -> list[str]:
    """Return what `dbkit check --base main` finds, without the totals."""
    checked = project.dbkit("check", "--base", "main")
    assert checked.returncode in {0, 1}, checked.stderr
    return [line for line in checked.stdout.splitlines() if line.endswith("]")]


def test_the_check_of_a_branch_finds_a_number_that_main_took_meanwhile(shop: Project) -> None:
    git(shop, "switch", "-q", "-c", "mine")
    add(shop, "0002_mine")
    commit(shop, "mine")
    shop.dbkit("migrate")
    alone = findings(shop)
    git(shop, "switch", "-q", "main")
    add(shop, "0002_theirs")
    commit(shop, "theirs")
    git(shop, "switch", "-q", "mine")

    [found] = findings(shop)

    assert alone == []
    assert found == (
        "shop: migrations/shop/0002_mine.sql has number 2, which 0002_theirs has on main; merge "
        "main, then run: dbkit renumber shop --base main [duplicate-number]"
    )


def test_the_check_of_a_branch_finds_what_main_has_and_was_edited_or_removed(
    shop: Project,
) -> None:
    add(shop, "0002_two")
    commit(shop, "two")
    shop.dbkit("migrate")
    git(shop, "switch", "-q", "-c", "mine")
    shop.migration("0001_orders", ORDERS.replace("integer", "bigint"), "drop table orders;\n")
    for path in (shop.root / "migrations/shop").glob("0002*"):
        path.unlink()
    commit(shop, "edited and removed")

    found = findings(shop)

    assert (
        "shop: migrations/shop/0001_orders.sql is on main and was edited here; put its text back "
        "and make the change a new migration [edited-migration]"
    ) in found
    assert (
        "shop: 0002_two is on main and was removed here; bring the file back [missing-migration]"
        in found
    )


def test_the_check_of_a_branch_finds_a_new_migration_that_does_not_come_last(
    shop: Project,
) -> None:
    add(shop, "0003_three")
    commit(shop, "three")
    git(shop, "switch", "-q", "-c", "mine")
    add(shop, "0002_two")

    assert (
        "shop: migrations/shop/0002_two.sql is new, and comes before number 3 of main; give it a "
        "number at the end with: dbkit renumber shop --base main [gap]"
    ) in findings(shop)


def test_a_comment_that_was_corrected_is_no_edit(shop: Project) -> None:
    git(shop, "switch", "-q", "-c", "mine")
    shop.migration("0001_orders", f"-- Orders.\n{ORDERS}", "drop table orders;\n")

    assert findings(shop) == []
