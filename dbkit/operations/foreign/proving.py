"""Prove that psql with the old files and dbkit with the new ones make the same schema."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dbkit.errors import DbkitError
from dbkit.migrations import Files, Runner, Silent
from dbkit.operations.databases import scratch, url_of
from dbkit.operations.foreign.converting import Conversion
from dbkit.operations.foreign.histories import Half, History
from dbkit.operations.foreign.statements import is_transaction_control, runs_alone
from dbkit.operations.programs import Programs
from dbkit.operations.schema import Difference, compare, read_schema
from dbkit.sqltext import ScriptStatement, split

_DONE = "dbkit:done "


class SchemaProof(NamedTuple):
    """What was compared, and how it came out."""

    # up to which version both made a schema, and down to which they took it back
    up_to: int
    down_to: int
    # a sentence for each difference, and for what one of the two could not do
    differences: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether both made the same schema, of all migrations."""
        return not self.differences


class _Stop(NamedTuple):
    """Where psql stopped: the number of halves that it ran, and its message."""

    done: int
    message: str | None


@dataclass(frozen=True, slots=True)
class _Psql:
    """The psql that runs the old files, on one database and in one session for each run."""

    program: Path
    url: str
    connection: psycopg.Connection[Any]
    folder: Path
    show_step: Callable[[str], object]

    def run(self, halves: Sequence[Half], doing: str) -> _Stop:
        """Run halves one after another, each by the rules of its tool."""
        script = [f"select pg_catalog.set_config('search_path', {self._search_path()}, false);"]
        shown: dict[str, str] = {}
        for number, half in enumerate(halves, start=1):
            file = self.folder / f"{doing}-{number}.sql"
            file.write_text(half.source.text, encoding="utf-8", newline="")
            shown[str(file)] = half.source.path
            lines = [f"\\i {file}", f"\\echo {_DONE}{number}"]
            if _is_wrapped(half):
                lines[:1] = ["begin;", f"\\i {file}", "commit;"]
            script += lines
        driver = self.folder / f"{doing}.sql"
        driver.write_text("\\o /dev/null\n" + "\n".join(script) + "\n", encoding="utf-8")
        return self._run(driver, shown, f"psql: {doing}", len(halves))

    def _run(self, driver: Path, shown: dict[str, str], doing: str, count: int) -> _Stop:
        info = conninfo_to_dict(url_of(self.url, self.connection.info.dbname))
        environment = {**os.environ, "LC_ALL": "C", "PGCLIENTENCODING": "UTF8"}
        # not on the command line, which every user of the machine can read
        if (password := info.pop("password", None)) is not None:
            environment["PGPASSWORD"] = str(password)
        options = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "--no-password", "-f", str(driver)]
        child = subprocess.Popen(
            [str(self.program), *options, "--dbname", make_conninfo("", **info)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        done = 0
        said: list[str] = []
        try:
            for line in child.stdout or ():
                if line.startswith(_DONE):
                    done = int(line.removeprefix(_DONE))
                    self.show_step(f"{doing} {done} of {count}")
                elif "ERROR:" in line or "FATAL:" in line or "psql: error" in line:
                    said.append(line.strip().removeprefix("psql:"))
        except BaseException:
            child.terminate()
            raise
        finally:
            code = child.wait()
            if child.stdout is not None:
                child.stdout.close()
        if not code:
            return _Stop(done, None)
        message = said[0] if said else f"exit code {code}"
        for path, name in shown.items():
            message = message.replace(f"{path}:", f"{name}:")
        return _Stop(done, message)

    def _search_path(self) -> str:
        [(path,)] = self.connection.execute("select quote_literal(current_setting('search_path'))")
        return str(path)


class _Steps(Silent):
    """Shows each migration that dbkit finishes."""

    def __init__(self, show_step: Callable[[str], object], doing: str, count: int) -> None:
        self._show_step, self._doing, self._count = show_step, doing, count
        self._done = 0

    def finished(self, name: str, seconds: float, *, direction: str) -> None:
        """Show how many are done."""
        del name, seconds, direction
        self._done += 1
        self._show_step(f"dbkit: {self._doing} {self._done} of {self._count}")


def prove_conversion(
    model: psycopg.Connection[Any],
    url: str,
    bringing: tuple[History, Conversion],
    files: Files,
    programs: Programs,
) -> SchemaProof:
    """Run the old files by psql and the new ones by dbkit in two databases, and compare them.

    The two are made beside the database `model`, with its encoding and locale, and dropped.
    """
    history, conversion = bringing
    program = programs.find("psql", model.info.server_version // 10000)
    with ExitStack() as stack:
        old = stack.enter_context(scratch(url, model))
        new = stack.enter_context(scratch(url, model))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dbkit-import-")))
        psql = _Psql(program, url, old, Path(folder), programs.show_step)
        ups = [migration.up for migration in history.migrations]
        carried = {made.was for made in conversion.objects}
        repeatables = [
            repeatable.half
            for repeatable in history.repeatables
            if Path(repeatable.half.source.path).stem in carried
        ]
        stop = psql.run([*ups, *repeatables], "up")
        up_to = min(stop.done, len(ups))
        differences: list[str] = []
        if stop.message is not None:
            differences.append(f"psql stops in the old files as well: {stop.message}")
        without = files if stop.done >= len(ups) else replace(files, objects=())
        reached = _migrate(without, new, up_to, programs.show_step, differences)
        if reached:
            differences += map(str, _differences(old, new))
        if differences:
            return SchemaProof(up_to, up_to, tuple(differences), ())
        return _prove_downs(history, files, psql, new, up_to)


def _prove_downs(
    history: History, files: Files, psql: _Psql, new: psycopg.Connection[Any], up_to: int
) -> SchemaProof:
    """Take both back as far as there is something that does it, and compare again."""
    downs: list[Half] = []
    for migration, file in zip(
        reversed(history.migrations), reversed(files.migrations), strict=True
    ):
        if migration.down is None or not file.rollback.is_file():
            break
        downs.append(migration.down)
    if not downs or history.repeatables:
        return SchemaProof(up_to, up_to, (), ())
    stop = psql.run(downs, "down")
    notes = () if stop.message is None else (f"psql stops in the old downs: {stop.message}",)
    down_to = up_to - stop.done
    differences: list[str] = []
    steps = _Steps(psql.show_step, "down", stop.done)
    try:
        Runner(files, new, steps).rollback(down_to)
    except (DbkitError, psycopg.Error) as error:
        differences.append(f"psql can take back what dbkit cannot: {_first_line(error)}")
    else:
        differences += map(str, _differences(psql.connection, new))
    return SchemaProof(up_to, down_to, tuple(differences), notes)


def _migrate(
    files: Files,
    connection: psycopg.Connection[Any],
    version: int,
    show_step: Callable[[str], object],
    differences: list[str],
) -> bool:
    if version == 0:
        return True
    try:
        Runner(files, connection, _Steps(show_step, "up", version)).migrate(version)
    except (DbkitError, psycopg.Error) as error:
        differences.append(f"psql can run what dbkit cannot: {_first_line(error)}")
        return False
    return True


def _differences(old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> list[Difference]:
    return compare(read_schema(old), read_schema(new))


def _is_wrapped(half: Half) -> bool:
    """Say whether a tool's transaction is around a half."""
    statements = [part for part in split(half.source) if isinstance(part, ScriptStatement)]
    return half.transactional and not any(
        is_transaction_control(one) or runs_alone(one) for one in statements
    )


def _first_line(error: Exception) -> str:
    notes = getattr(error, "__notes__", None) or [str(error)]
    return str(notes[0]).strip().splitlines()[0]
