"""The rules of the house: each takes a package and returns a sentence for every fault in it."""

import ast
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from importlib import import_module
from itertools import chain

from tests.house.modules import House, Module, table_of

LONGEST = 800
# the names that stand in every package, because they mean the same in each
_EVERYWHERE = {"__init__", "__main__", "errors"}
_NOT_RAISING = {"isinstance", "issubclass"}


def unreadable(house: House) -> list[str]:
    """A module opens with its sentence, and is short enough to be read."""
    faults: list[str] = []
    for module in house.modules.values():
        first, *_ = (ast.get_docstring(module.tree) or "").splitlines() or [""]
        if not first.endswith((".", "?")):
            faults.append(f"{module.name} does not open with a sentence")
        lines = len(module.path.read_text().splitlines())
        # generated: as long as their SQL
        if lines > LONGEST and not module.is_generated:
            faults.append(f"{module.name} has {lines} lines, {LONGEST} at most are right")
    return faults


def circles(house: House) -> list[str]:
    """No modules import each other, whether at the top, for types, in a function or by a string."""
    below = {
        name: sorted({taken.module for taken in taken_by})
        for name, taken_by in house.imports.items()
    }
    return [f"imported in a circle: {', '.join(circle)}" for circle in _circles(below)]


def inner_imports(house: House) -> list[str]:
    """A package is entered through its front door by everyone outside it."""
    return [
        f"{name}:{taken.line} imports {taken.module}, which stands behind a front door"
        for name, taken_by in house.imports.items()
        for taken in taken_by
        if not f".{name}.".startswith(f".{taken.module.rpartition('.')[0]}".rstrip(".") + ".")
    ]


def repeated_classes(house: House) -> list[str]:
    """A public class name means one thing (row classes apart: each system has its own)."""
    modules: dict[str, list[str]] = defaultdict(list)
    for module in house.written:
        for node in module.classes:
            if not node.name.startswith("_"):
                modules[node.name].append(module.name)
    return [f"{name} is a class of {', '.join(of)}" for name, of in modules.items() if len(of) > 1]


def repeated_stems(house: House, agreed: Container[str] = ()) -> list[str]:
    """A module's name is not another module's in another package."""
    modules: dict[str, list[str]] = defaultdict(list)
    for module in house.written:
        if module.path.stem not in _EVERYWHERE:
            modules[module.path.stem].append(module.name)
    return [
        f"several modules are called {stem}: {', '.join(of)}"
        for stem, of in modules.items()
        if len(of) > 1 and stem not in agreed
    ]


def ambiguous_offers(house: House) -> list[str]:
    """What a front door offers is not called as a module behind it."""
    return [
        f"{module.name}.{name} is a module, and a name in __all__"
        for module in _doors(house)
        for name in module.offered
        if f"{module.name}.{name}" in house.modules
    ]


def missing_offers(house: House) -> list[str]:
    """Each name in `__all__` is there."""
    return [
        f"{module.name} has no {name}, which stands in its __all__"
        for module in house.modules.values()
        for name in module.offered
        if name not in module.bound
    ]


def hidden_offers(house: House) -> list[str]:
    """Each name that is imported through a front door stands in its `__all__`."""
    return [
        f"{name}:{taken.line} imports {taken.name}, which is not in {taken.module}.__all__"
        for name, taken_by in house.imports.items()
        for taken in taken_by
        if taken.name and house.modules[taken.module].is_package
        # the version, `__main__` and their like
        if not taken.name.startswith("__")
        if taken.name not in house.modules[taken.module].offered
    ]


def idle_offers(house: House, told: str, agreed: Container[str] = ()) -> list[str]:
    """Each name in `__all__` is used outside, told to the reader, or a type of what is offered."""
    used = {
        (taken.module, taken.name)
        for name, taken_by in house.imports.items()
        for taken in taken_by
        if house.modules[name].package != taken.module
    }
    return [
        f"{module.name}.{name} is in __all__, and nobody uses it or is told of it"
        for module in _doors(house)
        for types in [_annotations(house, module)]
        for name in module.offered
        if (module.name, name) not in used and name not in told and name not in types
        if name not in agreed
    ]


def mistyped_offers(house: House) -> list[str]:
    """What a front door gives when it is asked is what its imports say, also those for types."""
    faults: list[str] = []
    for door in _doors(house):
        running = import_module(door.name)
        for taken in house.imports[door.name]:
            if taken.name not in door.offered:
                continue
            behind = getattr(import_module(taken.module), taken.name)
            if getattr(running, taken.name, None) is not behind:
                faults.append(f"{door.name} does not give the {taken.name} of {taken.module}")
    return faults


def lazy_offers(house: House, table: str) -> list[str]:
    """A front door with a table of what it imports when asked offers and types the same."""
    return [
        f"{door.name}.{name}: typed as of {typed.get(name)}, found in {found.get(name)}, "
        f"{'in' if name in door.offered else 'not in'} __all__"
        for door in _doors(house)
        if (modules := table_of(door, table))
        for typed in [_typed(door)]
        for found in [{name: _behind(house, door, of) for name, of in modules.items()}]
        for name in sorted({*typed, *found, *door.offered})
        if not (name in door.offered and typed.get(name) == found.get(name) is not None)
    ]


def idle_names(house: House, agreed: Container[str] = ()) -> list[str]:
    """Each private name of a module, and of its objects, is used in that module."""
    return [
        f"{module.name}:{line} gives the name {name}, and nobody uses it"
        for module in house.written
        for used in [set(_used(module))]
        for name, line in _private(module)
        if name not in used and name not in agreed
    ]


def foreign_errors(house: House, base: str, agreed: Container[str] = ()) -> list[str]:
    """Every public exception is one of ours, so that one `except` catches it."""
    ours = _heirs(house, {base})
    exceptions = _heirs(
        house, {"BaseException", "Exception", "ValueError", "KeyError", "TypeError"}
    )
    return [
        f"{module.name}.{name} is an exception, but no {base}"
        for name, (module, _) in exceptions.items()
        if name not in ours and name != base and not name.startswith("_") and name not in agreed
    ]


def misplaced_errors(house: House, base: str) -> list[str]:
    """The errors of a package stand in its `errors` module, or in one of a part: `carterrors`."""
    return [
        f"{module.name}.{name} is an error, and stands in no errors.py"
        for name, (module, _) in _heirs(house, {base}).items()
        if module.package != house.name and not module.name.endswith("errors")
        # beside generated modules stands hand-written work of many subjects
        if not any(other.is_generated for other in _beside(house, module))
    ]


def silent_errors(house: House, base: str) -> list[str]:
    """Every error says in its docstring what it is."""
    return [
        f"{module.name}.{name} has no docstring"
        for name, (module, node) in _heirs(house, {base}).items()
        if not ast.get_docstring(node)
    ]


def dead_errors(house: House, base: str) -> list[str]:
    """Every error is raised somewhere, or another is derived from it."""
    raised = set(chain.from_iterable(map(_made, house.modules.values())))
    heirs = _heirs(house, {base})
    derived = {ast.unparse(above) for _, node in heirs.values() for above in node.bases}
    return [
        f"{module.name}.{name} is never raised"
        for name, (module, _) in heirs.items()
        if name not in raised | derived
    ]


def _doors(house: House) -> Iterator[Module]:
    return (module for module in house.written if module.is_package)


def _used(module: Module) -> Iterator[str]:
    """The names that a module reads; a string may be the name of a type."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                yield name
            case ast.Constant(value=str(name)):
                yield name
            case _:
                pass


def _private(module: Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module.tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                named = name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                named = name
            case ast.ClassDef(name=name):
                named = name
            case _:
                continue
        if named.startswith("_") and not named.startswith("__") and named != "_":
            yield named, node.lineno


def _beside(house: House, module: Module) -> Iterator[Module]:
    return (other for other in house.modules.values() if other.package == module.package)


def _typed(door: Module) -> dict[str, str]:
    """The names that a front door imports for a type checker, and the modules they are in."""
    return {
        alias.name: str(node.module)
        for statement in door.tree.body
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"
        for node in statement.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _behind(house: House, door: Module, module: str) -> str:
    return module if module in house.modules else f"{door.name}.{module}"


def _annotations(house: House, door: Module) -> set[str]:
    """The names in the annotations of what a front door offers."""
    return {
        part.id
        for module in house.modules.values()
        if module.name.startswith(f"{door.name}.")
        for node in module.tree.body
        if getattr(node, "name", None) in door.offered
        for inner in ast.walk(node)
        for field in ("annotation", "returns")
        if (annotation := getattr(inner, field, None)) is not None
        for part in ast.walk(annotation)
        if isinstance(part, ast.Name)
    }


def _heirs(house: House, roots: Container[str]) -> dict[str, tuple[Module, ast.ClassDef]]:
    """The classes that descend from these, by name."""
    heirs: dict[str, tuple[Module, ast.ClassDef]] = {}
    before = -1
    while len(heirs) > before:
        before = len(heirs)
        for module in house.written:
            for node in module.classes:
                if any(name in roots or name in heirs for name in map(ast.unparse, node.bases)):
                    heirs[node.name] = (module, node)
    return heirs


def _made(module: Module) -> Iterator[str]:
    """The classes that a module calls, or hands to something that calls them."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Raise(exc=ast.Name(id=name)):
                yield name
            # the class that is raised is chosen first
            case ast.IfExp(body=ast.Name(id=name), orelse=ast.Name(id=other)):
                yield from (name, other)
            case ast.Call(func=ast.Name(id=name)) if name in _NOT_RAISING:
                pass
            case ast.Call():
                handed = [*node.args, *(keyword.value for keyword in node.keywords)]
                parts = [node.func, getattr(node.func, "value", None), *handed]
                yield from (part.id for part in parts if isinstance(part, ast.Name))
            case _:
                pass


def _circles(below: Mapping[str, list[str]]) -> list[list[str]]:
    """Tarjan's strongly connected components of more than one module."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    circles: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        open_.append(name)
        for lower in below[name]:
            if lower not in order:
                visit(lower)
                lowest[name] = min(lowest[name], lowest[lower])
            elif lower in open_:
                lowest[name] = min(lowest[name], order[lower])
        if lowest[name] == order[name]:
            at = open_.index(name)
            circle = sorted(open_[at:])
            del open_[at:]
            if len(circle) > 1 or name in below[name]:
                circles.append(circle)

    for name in below:
        if name not in order:
            visit(name)
    return circles
