"""What `[tool.dbkit]` says, where it is looked for, and what it may not say."""

from pathlib import Path

import pytest

from dbkit.envfile import BadVariable, read_variables
from dbkit.errors import NoProject
from dbkit.settings import InvalidSettings, System, UnknownSystem, load_settings
from tests.cli.seen import refusal
from tests.project import Project

SHOP = "[tool.dbkit.systems.shop]\n"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DBKIT_POSTGRES", "DBKIT_EMBEDDED", "SHOP_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder whose pyproject.toml names one system and nothing else."""
    (tmp_path / "pyproject.toml").write_text(SHOP)
    return tmp_path


def test_what_is_not_said_has_a_default(root: Path) -> None:
    settings = load_settings(root)

    assert settings.root == root
    assert settings.systems == {
        "shop": System(
            name="shop",
            migrations=root / "migrations/shop",
            sql=root / "sql/shop",
            url_env="SHOP_DATABASE_URL",
            package=None,
        )
    }
    assert settings.server_folder == root / ".dbkit"
    assert settings.postgres is None


def test_what_is_said_is_taken_from_the_project_s_folder(root: Path) -> None:
    (root / "pyproject.toml").write_text(
        f'{SHOP}migrations = "db/changes"\nsql = "db/queries"\nurl-env = "DATABASE_URL"\n'
        'package = "shop.database"\ntenant = "tenant_id"\n'
        '[tool.dbkit.server]\nfolder = "var/pg"\npostgres = "16"\n'
    )

    settings = load_settings(root)

    assert settings.systems["shop"] == System(
        "shop",
        root / "db/changes",
        root / "db/queries",
        "DATABASE_URL",
        "shop.database",
        "tenant_id",
    )
    assert (settings.server_folder, settings.postgres) == (root / "var/pg", "16")


def test_the_settings_are_found_from_any_folder_below(root: Path) -> None:
    deep = root / "src" / "shop"
    deep.mkdir(parents=True)

    assert load_settings(deep) == load_settings(root)


def test_the_nearest_settings_win(root: Path) -> None:
    inner = root / "services" / "blog"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[tool.dbkit.systems.blog]\n")

    assert list(load_settings(inner).systems) == ["blog"]


def test_a_pyproject_of_something_else_is_passed_over(root: Path) -> None:
    inner = root / "services" / "blog"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text('[project]\nname = "blog"\n[tool.ruff]\n')

    assert load_settings(inner).root == root


def test_the_environment_gives_the_url_when_it_is_asked_for(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = load_settings(root).system("shop")
    before = system.url

    monkeypatch.setenv("SHOP_DATABASE_URL", "postgresql://db/shop")

    assert before is None
    assert system.url == "postgresql://db/shop"


def test_an_empty_url_means_the_embedded_server(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", "")

    assert load_settings(root).system("shop").url is None


def test_the_environment_chooses_the_postgresql_over_the_file(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "pyproject.toml").write_text(f'{SHOP}[tool.dbkit.server]\npostgres = "16"\n')
    monkeypatch.setenv("DBKIT_POSTGRES", "/usr/lib/postgresql/18/bin")

    assert load_settings(root).postgres == "/usr/lib/postgresql/18/bin"


@pytest.mark.parametrize(
    ("set_to", "given", "taken"),
    [
        ("app", None, "app"),
        ("app", "reports", "reports"),
        ("app", "none", None),
        ("app", " NONE", None),
        (None, None, None),
        (None, "None", None),
    ],
)
def test_a_role_that_is_given_goes_before_that_of_the_settings(
    set_to: str | None, given: str | None, taken: str | None
) -> None:
    system = System("shop", Path("migrations"), Path("sql"), "SHOP_URL", role=set_to)

    assert system.role_for(given) == taken


def test_an_unknown_system_knows_the_known_ones(root: Path) -> None:
    settings = load_settings(root)

    with pytest.raises(UnknownSystem) as caught:
        settings.system("shpo")

    assert (caught.value.name, caught.value.known) == ("shpo", ("shop",))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "[tool.dbkit.systems.shop\n",
            (
                "is not valid TOML: Expected ']' at the end of a table declaration "
                "(at line 1, column 25)"
            ),
        ),
        ("[tool.dbkit]\n", "names no system; add a table [tool.dbkit.systems.NAME]"),
        (
            "[tool.dbkit.system.shop]\n",
            (
                "[tool.dbkit]: unknown key 'system'; did you mean 'systems'; "
                "known keys: env-file, server, systems"
            ),
        ),
        (
            f'{SHOP}url_env = "DATABASE_URL"\n',
            (
                "[tool.dbkit.systems.shop]: unknown key 'url_env'; did you mean 'url-env'; "
                "known keys: calls, development, migrations, package, role, sql, tenant, url-env"
            ),
        ),
        (
            f'{SHOP}[tool.dbkit.server]\nport = "5432"\n',
            "[tool.dbkit.server]: unknown key 'port'; known keys: embedded, folder, postgres",
        ),
        (
            f"{SHOP}url-env = 3\n",
            "[tool.dbkit.systems.shop]: url-env must be a string, not 3",
        ),
        (
            f'{SHOP}sql = ""\n',
            "[tool.dbkit.systems.shop]: sql must be a string, not ''",
        ),
        (
            f'{SHOP}tenant = "the tenant"\n',
            (
                "[tool.dbkit.systems.shop]: tenant must be the name of a column, "
                "such as tenant_id, not 'the tenant'"
            ),
        ),
        ("[tool.dbkit]\nsystems = 3\n", "[tool.dbkit.systems] must be a table, not 3"),
        (
            '[tool.dbkit.systems]\nshop = "sql"\n',
            "[tool.dbkit.systems.shop] must be a table, not 'sql'",
        ),
        ("[tool]\ndbkit = true\n", "[tool.dbkit] must be a table, not True"),
        ("tool = 3\n", "[tool] must be a table, not 3"),
        (
            '[tool.dbkit.systems."My shop"]\n',
            (
                "[tool.dbkit.systems.My shop]: the name of a system consists of a-z, 0-9 and _, "
                "and begins with a letter"
            ),
        ),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(root: Path, text: str, fault: str) -> None:
    (root / "pyproject.toml").write_text(text)

    with pytest.raises(InvalidSettings) as caught:
        load_settings(root)

    assert str(caught.value) == f"{root}/pyproject.toml: {fault}"


def test_settings_that_are_not_utf_8_are_refused(root: Path) -> None:
    (root / "pyproject.toml").write_bytes(b'name = "caf\xe9"')

    with pytest.raises(InvalidSettings, match="byte 0xe9 is not UTF-8; save the file as UTF-8"):
        load_settings(root)


@pytest.mark.parametrize("call", ["migrate", "status --json", "url shop", "server status"])
def test_every_command_tells_wrong_settings_in_a_sentence(tmp_path: Path, call: str) -> None:
    project = Project(tmp_path / "project", "")
    (project.root / "pyproject.toml").write_text("[tool.dbkit]\n")

    ran = project.dbkit(*call.split())

    assert refusal(ran) == (
        f"{project.root}/pyproject.toml: names no system; add a table [tool.dbkit.systems.NAME]"
    )
    assert not (project.root / ".dbkit").exists()


@pytest.mark.parametrize("written", [None, '[project]\nname = "shop"\n[tool.ruff]\n'])
def test_a_folder_without_a_project_is_refused(tmp_path: Path, written: str | None) -> None:
    if written is not None:
        (tmp_path / "pyproject.toml").write_text(written)

    with pytest.raises(NoProject) as caught:
        load_settings(tmp_path)

    assert caught.value.folder == str(tmp_path)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("SHOP=plain", "plain"),
        ("SHOP=", ""),
        ("  export SHOP = spaced  ", "spaced"),
        ("SHOP=a#b # said", "a#b"),
        ("SHOP='it is $HOME \\n # all' # said", "it is $HOME \\n # all"),
        ('SHOP="a\\n\\"b\\" \\\\ $c # d"', 'a\n"b" \\ $c # d'),
        ("\N{BYTE ORDER MARK}SHOP=x\r", "x"),
        ("SHOP=postgresql://u:p@h/d?sslmode=require", "postgresql://u:p@h/d?sslmode=require"),
    ],
)
def test_a_line_of_the_file_of_variables_is_one(tmp_path: Path, line: str, value: str) -> None:
    path = tmp_path / ".env"
    path.write_text(f"{line}\n\n# said\nOTHER=1\n", encoding="utf-8", newline="")

    assert read_variables(path) == {"SHOP": value, "OTHER": "1"}


@pytest.mark.parametrize("line", ["secret", "9A=secret", "A='secret", 'A="secret" b', "A-B=secret"])
def test_a_line_that_is_no_variable_is_named_and_not_shown(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"A=1\n{line}\n")

    with pytest.raises(BadVariable) as refused:
        read_variables(tmp_path / ".env")

    assert str(refused.value).startswith(f"{tmp_path}/.env:2: is no variable; ")
    assert "secret" not in str(refused.value)


def test_a_file_of_variables_is_read_where_the_settings_say_so(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBKIT_POSTGRES", "/opt/first")
    # restored afterwards
    monkeypatch.setenv("SHOP_DATABASE_URL", "")
    monkeypatch.delenv("SHOP_DATABASE_URL")
    (root / ".env").write_text("SHOP_DATABASE_URL=postgresql:///s\nDBKIT_POSTGRES=/opt/second\n")
    assert load_settings(root).system("shop").url is None

    (root / "pyproject.toml").write_text(f'[tool.dbkit]\nenv-file = ".env"\n{SHOP}')

    settings = load_settings(root)
    assert settings.system("shop").url == "postgresql:///s"
    assert settings.postgres == "/opt/first"
    (root / ".env").unlink()
    assert load_settings(root).system("shop").url == "postgresql:///s"


@pytest.mark.parametrize(
    ("said", "variable", "found"),
    [("", "", None), ("true", "", True), ("false", "1", True), ("true", "0", False)],
)
def test_the_embedded_server_is_asked_for(
    root: Path, monkeypatch: pytest.MonkeyPatch, said: str, variable: str, found: object
) -> None:
    monkeypatch.setenv("DBKIT_EMBEDDED", variable)
    if said:
        (root / "pyproject.toml").write_text(f"{SHOP}[tool.dbkit.server]\nembedded = {said}\n")

    assert load_settings(root).embedded is found


@pytest.mark.parametrize(
    ("embedded", "rest"),
    [
        (
            "",
            (
                "; set it, give --url, or have the embedded server outside a terminal too: "
                "`embedded = true` under [tool.dbkit.server], or DBKIT_EMBEDDED=1"
            ),
        ),
        ("0", ", and the embedded server is switched off; set it, or give --url"),
    ],
)
def test_a_forgotten_url_is_an_error_where_nobody_sees_it(
    project: Project, embedded: str, rest: str
) -> None:
    given = {"SHOP_DATABASE_URL": "", "DBKIT_EMBEDDED": embedded}
    for command in ("migrate", "url"):
        ran = project.dbkit(command, "shop", **given)

        assert refusal(ran) == f"shop has no database: $SHOP_DATABASE_URL is not set{rest}"
    ran = project.dbkit("status", **given)
    assert (ran.returncode, f"not set{rest}" in ran.stdout) == (3, True)
    assert not (project.root / ".dbkit").exists()
