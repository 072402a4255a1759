"""Read the settings of a project: `[tool.dbkit]` in the nearest pyproject.toml, or dbkit.toml."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from dbkit.envfile import load_variables
from dbkit.errors import ConfigurationError, NoProject, UnknownProject, nearest


@dataclass(eq=False)
class UnknownSystem(ConfigurationError):
    """No system of this name is configured."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        meant = nearest(self.name, self.known)
        return f"unknown system {self.name!r}{meant}; known systems: {', '.join(self.known)}"


@dataclass(eq=False)
class InvalidSettings(ConfigurationError):
    """A pyproject.toml cannot be read, or has a setting that dbkit does not understand."""

    path: str
    fault: str

    def __str__(self) -> str:
        return f"{self.path}: {self.fault}"


# what is given for a role where the user in the URL is meant; no role can have this name
_NO_ROLE = "none"
_KEYS = {"systems", "server", "env-file"}
_SYSTEM_KEYS = {
    *("migrations", "sql", "url-env", "package", "tenant", "calls", "role", "development"),
}
_CALLS = ("sync", "async", "both")
_SERVER_KEYS = {"folder", "postgres", "embedded"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PACKAGE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
# the folder or the package of the project, where it is not the current folder
PROJECT_VARIABLE = "DBKIT_PROJECT"
# whether a system without a URL is on the embedded server, before what the settings say
EMBEDDED_VARIABLE = "DBKIT_EMBEDDED"
_SWITCHES = {"1": True, "0": False}


class System(NamedTuple):
    """One application's database: the folders of its files, and where its URL comes from."""

    name: str
    migrations: Path
    sql: Path
    url_env: str
    package: str | None = None
    # the column with the tenant of a row, if `check` is to prove that no query crosses tenants
    tenant: str | None = None
    # for which connections functions are generated: "sync", "async" or "both"
    calls: str = "both"
    # the role that the application runs as; migrations are run by the user in the URL
    role: str | None = None
    # whether its databases are for development, so that migrations may be taken back at will
    development: bool = False

    @property
    def url(self) -> str | None:
        """The URL in the environment, or None for the embedded server."""
        return os.environ.get(self.url_env) or None

    def role_for(self, given: str | None) -> str | None:
        """Return the role to take on: the one given, else that of the settings.

        The word "none" stands for no role: then it is the user in the URL.
        """
        chosen = self.role if given is None else given
        return None if chosen is None or chosen.strip().lower() == _NO_ROLE else chosen


class Settings(NamedTuple):
    """The settings in `[tool.dbkit]`, with their defaults."""

    root: Path
    # where the embedded server and the backups are: never inside a package
    home: Path
    systems: Mapping[str, System]
    server_folder: Path
    postgres: str | None
    # whether a system without a URL is on the embedded server; None: in a terminal alone
    embedded: bool | None = None

    @property
    def backup_folder(self) -> Path:
        """The folder that backups are written into and restored from by default."""
        return self.home / "backups"

    def system(self, name: str) -> System:
        """Return the system of this name; an error names the nearest one."""
        try:
            return self.systems[name]
        except KeyError:
            raise UnknownSystem(name, tuple(self.systems)) from None


def load_settings(start: Path | str | None = None) -> Settings:
    """Read the settings of the project that a folder, or the current folder, is in.

    They stand in the nearest pyproject.toml with a table `[tool.dbkit]`, or dbkit.toml, in this
    folder or above. `start` may also be the name of a package, and $DBKIT_PROJECT holds where
    nothing is given.
    """
    given = start or os.environ.get(PROJECT_VARIABLE) or None
    folder = (Path.cwd() if given is None else _folder_of(given)).resolve()
    for root in (folder, *folder.parents):
        path, plain = root / "pyproject.toml", root / "dbkit.toml"
        table = _tool_table(path) if path.is_file() else None
        if plain.is_file():
            if table is not None:
                fault = f"stands beside {path}, which has a table [tool.dbkit]; remove one of them"
                raise InvalidSettings(str(plain), fault)
            return _settings(root, _document(plain), str(plain), prefix="")
        if table is not None:
            return _settings(root, table, str(path), prefix="tool.dbkit.")
    raise NoProject(str(folder))


def _folder_of(place: Path | str) -> Path:
    """Return the folder that is meant by a path, or by the name of a package."""
    if isinstance(place, Path) or Path(place).is_dir() or not _PACKAGE.fullmatch(place):
        return Path(place)
    try:
        spec = find_spec(place)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise UnknownProject(place)
    return Path(next(iter(spec.submodule_search_locations)))


def _home(root: Path) -> Path:
    """Return the folder of a project that may be written into.

    A package is no such folder: what is in it goes into wheels, and an installed one may be
    anybody's. In a checkout it is the folder of the pyproject.toml, else the current one.
    """
    if not (root / "__init__.py").is_file():
        return root
    above = root.parent
    while (above / "__init__.py").is_file():
        above = above.parent
    if above.name == "src":
        above = above.parent
    return above if (above / "pyproject.toml").is_file() else Path.cwd()


def _tool_table(path: Path) -> dict[str, object] | None:
    tool = _table(_document(path).get("tool", {}), "[tool]", str(path))
    return _table(tool["dbkit"], "[tool.dbkit]", str(path)) if "dbkit" in tool else None


def _document(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(str(path), f"is not valid TOML: {error}") from error
    except UnicodeDecodeError as error:
        fault = f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise InvalidSettings(str(path), fault) from error
    except OSError as error:
        raise InvalidSettings(str(path), f"cannot be read: {error.strerror}") from error


def _settings(root: Path, table: dict[str, object], path: str, *, prefix: str) -> Settings:
    _refuse_unknown(table, _KEYS, f"[{prefix.rstrip('.')}]" if prefix else "the settings", path)
    variables = table.get("env-file")
    if variables is not None:
        if not isinstance(variables, str) or not variables:
            raise InvalidSettings(path, f"env-file must be a string, not {variables!r}")
        load_variables(root / variables)
    systems: dict[str, System] = {}
    for name, raw in _table(table.get("systems", {}), f"[{prefix}systems]", path).items():
        where = f"[{prefix}systems.{name}]"
        if not _NAME.fullmatch(name):
            raise InvalidSettings(
                path,
                f"{where}: the name of a system consists of a-z, 0-9 and _, "
                "and begins with a letter",
            )
        strings = dict(_table(raw, where, path))
        development = _switch(strings, "development", where, path)
        values = _strings(strings, _SYSTEM_KEYS, where, path)
        systems[name] = System(
            name=name,
            migrations=root / values.get("migrations", f"migrations/{name}"),
            sql=root / values.get("sql", f"sql/{name}"),
            url_env=values.get("url-env", f"{name.upper()}_DATABASE_URL"),
            package=values.get("package"),
            tenant=_column(values.get("tenant"), where, path),
            calls=_calls(values.get("calls", "both"), where, path),
            role=_role(values.get("role"), where, path),
            development=bool(development),
        )
    if not systems:
        raise InvalidSettings(path, f"names no system; add a table [{prefix}systems.NAME]")
    where = f"[{prefix}server]"
    strings = dict(_table(table.get("server", {}), where, path))
    embedded = _switch(strings, "embedded", where, path)
    server = _strings(strings, _SERVER_KEYS, where, path)
    home = _home(root)
    return Settings(
        root=root,
        home=home,
        systems=systems,
        server_folder=root / server["folder"] if "folder" in server else home / ".dbkit",
        postgres=os.environ.get("DBKIT_POSTGRES") or server.get("postgres"),
        embedded=_SWITCHES.get(os.environ.get(EMBEDDED_VARIABLE, ""), embedded),
    )


def _switch(table: dict[str, object], key: str, where: str, path: str) -> bool | None:
    """Take a setting out of a table that is true or false; None if it is not there."""
    value = table.pop(key, None)
    if value is not None and not isinstance(value, bool):
        raise InvalidSettings(path, f"{where}: {key} is to be true or false, not {value!r}")
    return value


def _table(value: object, where: str, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise InvalidSettings(path, f"{where} must be a table, not {value!r}")
    return {str(key): item for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - TOML is untyped


def _strings(value: object, known: set[str], where: str, path: str) -> dict[str, str]:
    table = _table(value, where, path)
    _refuse_unknown(table, known, where, path)
    strings: dict[str, str] = {}
    for key, item in table.items():
        if not isinstance(item, str) or not item:
            raise InvalidSettings(path, f"{where}: {key} must be a string, not {item!r}")
        strings[key] = item
    return strings


def _column(name: str | None, where: str, path: str) -> str | None:
    """Return the name of a column, which must be able to be the name of a parameter too."""
    if name is not None and not (name.isascii() and name.isidentifier()):
        raise InvalidSettings(
            path, f"{where}: tenant must be the name of a column, such as tenant_id, not {name!r}"
        )
    return name


def _role(role: str | None, where: str, path: str) -> str | None:
    if role is not None and role.strip().lower() in {"", _NO_ROLE}:
        fault = f"{where}: role is to be the name of a role of the server, not {role!r}"
        raise InvalidSettings(path, fault)
    return role


def _calls(calls: str, where: str, path: str) -> str:
    if calls not in _CALLS:
        fault = f'{where}: calls is to be "sync", "async" or "both", not {calls!r}'
        raise InvalidSettings(path, fault)
    return calls


def _refuse_unknown(table: Mapping[str, object], known: set[str], where: str, path: str) -> None:
    for key in table:
        if key not in known:
            raise InvalidSettings(
                path,
                f"{where}: unknown key {key!r}{nearest(key, known)}; "
                f"known keys: {', '.join(sorted(known))}",
            )
