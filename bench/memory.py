"""Print by how many MiB a process grows, resident, with many rows or many sets of values.

    python bench/memory.py URL FOLDER KIND NAME NUMBER

`bench/calls.py` starts it, one process for each contestant, so that nobody inherits a heap.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from measuring import grown

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Do the work once, and print the growth."""
    url, folder, kind, name, number = sys.argv[1:]
    sys.path.insert(0, folder)
    # they need the generated package, and the peers what is installed for them alone
    if name.startswith("asyncpg"):
        contestants = import_module("peers").Peers(url, None)
    else:
        contestants = import_module("contestants").Contestants(url, None)
    works: dict[str, Callable[[int], Callable[[], object]]] = {
        "rows": contestants.rows_in_memory,
        "batch": contestants.batch_in_memory,
    }
    print(grown(works[kind](int(number))[name]))
    contestants.close()


if __name__ == "__main__":
    main()
