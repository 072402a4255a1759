"""Load the modules behind a front door when one of their names is asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_door(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """Give a package's `__getattr__`, by a table of the module that each public name is in."""

    def get(name: str) -> object:
        if name in modules:
            module = modules[name]
            path = module if module.startswith("dbkit.") else f"{package}.{module}"
            value: object = getattr(import_module(path), name)
            return value
        message = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(message)

    return get
