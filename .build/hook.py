"""Compile `dbkit/runtime/_compiled.c` when a wheel is built, or dbkit is installed for editing.

dbkit works without it, and is slower; so what is missing here is told, and is no error.
"""

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("dbkit", "runtime", "_compiled.c")
_FLAGS = ("-O2", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter")


class CompileHook(BuildHookInterface):
    """Has the wheel carry what was compiled, and be one for this platform then."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile beside the source, which is where an editable installation finds it."""
        del version
        root = Path(self.root)
        target = (root / SOURCE).with_suffix(str(sysconfig.get_config_var("EXT_SUFFIX")))
        if reason := compile_module(root / SOURCE, target):
            self.app.display_warning(f"{SOURCE} is not compiled: {reason}; dbkit does without it")
            return
        build_data["artifacts"].append(str(target.relative_to(root)))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def compile_module(source: Path, target: Path) -> str:
    """Compile a module, and return why not if it could not be."""
    headers = sysconfig.get_paths()["include"]
    if reason := _obstacle(headers):
        return reason
    named = os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc")
    compiler = next((each for each in (named, "cc") if shutil.which(shlex.split(each)[0])), None)
    if compiler is None:
        return "there is no C compiler"
    is_mac = os.uname().sysname == "Darwin"
    linked = ["-bundle", "-undefined", "dynamic_lookup"] if is_mac else ["-shared"]
    # another installation may be using, or making, the one that is there
    made = target.with_suffix(f".{os.getpid()}.tmp")
    command = [*shlex.split(compiler), *_FLAGS, *linked, f"-I{headers}", source, "-o", made]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if not result.returncode:
            made.replace(target)
    except OSError as error:
        return str(error)
    finally:
        made.unlink(missing_ok=True)
    if not result.returncode:
        return ""
    return (result.stderr.strip().splitlines() or ["the compiler failed"])[0]


def _obstacle(headers: str) -> str:
    """Say why nothing can be compiled here."""
    if os.environ.get("DBKIT_COMPILED") == "0":
        return "the environment says DBKIT_COMPILED=0"
    if os.name != "posix":
        return "it is for systems with poll() and dlopen()"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "it relies on Python's global lock"
    return "" if Path(headers, "Python.h").exists() else "Python's headers are not installed"
