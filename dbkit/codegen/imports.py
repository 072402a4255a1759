"""Write the imports of a generated module, each under a name that no query's name hides."""

import builtins
import re
from collections.abc import Iterable, Iterator
from keyword import iskeyword

_WIDTH = 88


class Imports:
    """What a module imports, and under which name if its own is taken."""

    def __init__(self, taken: Iterable[str], hidden: Iterable[str]) -> None:
        self._taken = frozenset(taken)
        # the names of parameters, which would hide an import in a function's body
        self._hidden = frozenset(hidden)
        # the local name of each dotted name
        self._local: dict[str, str] = {}

    def use(self, dotted: str, *, in_body: bool = False) -> str:
        """Import a dotted name, and give its local name."""
        if dotted not in self._local:
            local = dotted.rpartition(".")[2]
            taken = self._taken.union(self._local.values(), self._hidden if in_body else ())
            while local in taken:
                local += "_"
            self._local[dotted] = local
        return self._local[dotted]

    def use_in(self, name: str, dotted: Iterable[str]) -> str:
        """Give the local name for a name in an annotation that needs these imports."""
        for candidate in dotted:
            if candidate.rpartition(".")[2] == name:
                return self.use(candidate)
        if name in self._taken and hasattr(builtins, name) and not iskeyword(name):
            return self.use(f"builtins.{name}")
        return name

    def __iter__(self) -> Iterator[str]:
        return iter(self._local)

    def lines(self, sections: "tuple[frozenset[str], frozenset[str]]") -> list[str]:
        """Write the imports as isort would; `sections` are the standard library and the project."""
        blocks: tuple[list[str], ...] = ([], [], [], [])
        modules = sorted({dotted.rpartition(".")[0] for dotted in self._local}, key=_module_key)
        for module in modules:
            top = module.partition(".")[0]
            section = 0 if top in sections[0] else 2 if top in sections[1] else 1
            is_relative = not top
            blocks[3 if is_relative else section].extend(self._module_lines(module))
        return "\n\n".join("\n".join(block) for block in blocks if block).splitlines()

    def _module_lines(self, module: str) -> list[str]:
        local_names = {
            dotted.rpartition(".")[2]: local
            for dotted, local in self._local.items()
            if dotted.rpartition(".")[0] == module
        }
        # `import Run as Run` tells type checkers that a shared class may be imported from here too
        is_exported = module.startswith(".")
        plain = sorted(
            (name for name, local in local_names.items() if name == local and not is_exported),
            key=_isort_key,
        )
        renamed = sorted((name for name in local_names if name not in plain), key=_isort_key)
        lines = [f"from {module} import {name} as {local_names[name]}" for name in renamed]
        if plain:
            line = f"from {module} import {', '.join(plain)}"
            if len(line) > _WIDTH:
                line = "\n".join(
                    [f"from {module} import (", *(f"    {name}," for name in plain), ")"]
                )
            lines.append(line)
        return sorted(lines, key=lambda line: _isort_key(re.split(r"import \(?\s*", line)[1]))


def _isort_key(name: str) -> tuple[int, str, str]:
    first = re.split(r"\W", name, maxsplit=1)[0]
    kind = 0 if first.isupper() and len(first) > 1 else 1 if first[:1].isupper() else 2
    return kind, first.lower(), name


def _module_key(module: str) -> tuple[str, str]:
    return module.lower(), module
