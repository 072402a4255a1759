"""Write the imports of a generated module, so that no name of a query hides one of them."""

import builtins
import re
from collections.abc import Iterable, Iterator
from keyword import iskeyword


class Imports:
    """What a module imports, and under which name if its own is taken."""

    def __init__(self, taken: Iterable[str], hidden: Iterable[str]) -> None:
        self._taken = frozenset(taken)
        # the names of parameters, which would hide an import in a function's body
        self._hidden = frozenset(hidden)
        self._local: dict[str, str] = {}

    def use(self, dotted: str, *, in_body: bool = False) -> str:
        """Import a name, and say what it is called here."""
        if dotted not in self._local:
            local = dotted.rpartition(".")[2]
            taken = self._taken.union(self._local.values(), self._hidden if in_body else ())
            while local in taken:
                local += "_"
            self._local[dotted] = local
        return self._local[dotted]

    def use_in(self, name: str, dotted: Iterable[str]) -> str:
        """Return an annotation with the names that its imports have here."""
        for one in dotted:
            if one.rpartition(".")[2] == name:
                return self.use(one)
        if name in self._taken and hasattr(builtins, name) and not iskeyword(name):
            return self.use(f"builtins.{name}")
        return name

    def __iter__(self) -> Iterator[str]:
        return iter(self._local)

    def lines(self, sections: "tuple[frozenset[str], frozenset[str]]") -> list[str]:
        """Write the imports as isort would; the sections are the standard library and ours."""
        blocks: tuple[list[str], ...] = ([], [], [], [])
        modules = sorted({dotted.rpartition(".")[0] for dotted in self._local}, key=_natural)
        for module in modules:
            top = module.partition(".")[0]
            section = 0 if top in sections[0] else 2 if top in sections[1] else 1
            # the package's own
            blocks[section if top else 3].extend(self._of(module))
        return "\n\n".join("\n".join(block) for block in blocks if block).splitlines()

    def _of(self, module: str) -> list[str]:
        found = {
            dotted.rpartition(".")[2]: local
            for dotted, local in self._local.items()
            if dotted.rpartition(".")[0] == module
        }
        # each module offers what it imports from rows.py
        is_handed_on = module.startswith(".")
        plain = sorted(
            (name for name, local in found.items() if name == local and not is_handed_on),
            key=_member,
        )
        renamed = sorted((name for name in found if name not in plain), key=_member)
        lines = [f"from {module} import {name} as {found[name]}" for name in renamed]
        if plain:
            line = f"from {module} import {', '.join(plain)}"
            if len(line) > _WIDTH:
                line = "\n".join([f"from {module} import (", *(f"    {x}," for x in plain), ")"])
            lines.append(line)
        return sorted(lines, key=lambda line: _member(re.split(r"import \(?\s*", line)[1]))


_WIDTH = 88


def _member(name: str) -> tuple[int, str, str]:
    first = re.split(r"\W", name, maxsplit=1)[0]
    kind = 0 if first.isupper() and len(first) > 1 else 1 if first[:1].isupper() else 2
    return kind, first.lower(), name


def _natural(module: str) -> tuple[str, str]:
    return module.lower(), module
