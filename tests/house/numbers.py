"""The rule that a constant of PostgreSQL's node vocabulary is written by its name."""

import ast
from collections.abc import Iterable, Iterator

from tests.house.modules import House, Module


def bare_numbers(
    house: House, packages: Iterable[str], fields: Iterable[str], vocabulary: str
) -> list[str]:
    """No field of a node is compared with a number, written there or named in the module."""
    modules = [
        module
        for module in house.modules.values()
        if any(f"{module.name}.".startswith(f"{package}.") for package in packages)
        if module.name != vocabulary
    ]
    named = {name for module in modules for name in _named_numbers(module)}
    searched = _Search(set(fields), named, modules)
    return [
        f"{module.name}:{node.lineno} compares {ast.unparse(field)} with a number"
        for module in modules
        for node, field in searched.faults(module)
    ]


class _Search:
    """A search for comparisons of fields with numbers in some modules."""

    def __init__(self, fields: set[str], named: set[str], modules: list[Module]) -> None:
        self.fields, self.named = fields, named
        # what holds such a field: an attribute in every module, a variable in its own
        self.attributes = {
            target.attr
            for module in modules
            for target in self._targets(module)
            if isinstance(target, ast.Attribute)
        }
        self.variables: set[str] = set()

    def faults(self, module: Module) -> Iterator[tuple[ast.expr, ast.expr]]:
        self.variables = {
            target.id for target in self._targets(module) if isinstance(target, ast.Name)
        }
        for node in ast.walk(module.tree):
            match node:
                case ast.Compare():
                    sides = [node.left, *node.comparators]
                    yield from self._compared(node, sides)
                case ast.Subscript():
                    yield from self._compared(node, [node.value, node.slice])
                case ast.Call(func=ast.Attribute(attr="get", value=table)):
                    yield from self._compared(node, [table, *node.args[:1]])
                case ast.Match() if self._holds(node.subject):
                    if any(map(_is_number, _pattern_values(node))):
                        yield node.subject, node.subject
                case _:
                    pass

    def _targets(self, module: Module) -> Iterator[ast.expr]:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Assign) and self._reads(node.value):
                yield from node.targets

    def _compared(
        self, node: ast.expr, sides: list[ast.expr]
    ) -> Iterator[tuple[ast.expr, ast.expr]]:
        for side in sides:
            others = [other for other in sides if other is not side]
            if self._holds(side) and any(map(self._has_number, others)):
                yield node, side

    def _holds(self, node: ast.expr) -> bool:
        match node:
            case ast.Tuple():
                return any(map(self._holds, node.elts))
            case ast.Attribute():
                return node.attr in self.attributes
            case ast.Name():
                return node.id in self.variables
            case _:
                return self._reads(node)

    def _reads(self, node: ast.expr) -> bool:
        """Whether this is a field's value: `node.number("rtekind")`."""
        match node:
            case ast.Call(func=ast.Attribute(), args=[ast.Constant(value=str(field)), *_]):
                return field in self.fields
            case _:
                return False

    def _has_number(self, node: ast.expr) -> bool:
        match node:
            case ast.Tuple() | ast.List() | ast.Set():
                return any(map(self._has_number, node.elts))
            case ast.Dict():
                return any(key is not None and self._has_number(key) for key in node.keys)
            case ast.Name():
                return node.id in self.named
            case _:
                return _is_number(node)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _pattern_values(match: ast.Match) -> Iterator[ast.AST]:
    for case in match.cases:
        yield from ast.walk(case.pattern)


def _named_numbers(module: Module) -> Iterator[str]:
    """The constants of a module that are numbers, or sets or tables of numbers."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and any(map(_is_number, _keys_of(node.value))):
            yield from (ast.unparse(target) for target in node.targets)


def _keys_of(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Dict():
            yield from (key for key in node.keys if key is not None)
        case ast.Tuple() | ast.List() | ast.Set():
            yield from node.elts
        case ast.Call():
            for argument in node.args:
                yield from _keys_of(argument)
        case _:
            yield node
