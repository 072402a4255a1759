"""The processes of an application: workers that go on until they are told to stop, and a server."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbkit.processes.commandline import Processes
    from dbkit.processes.common import (
        attempts_option,
        function_option,
        import_function,
        lease_option,
    )
    from dbkit.processes.leases import heartbeat, heartbeat_async, is_away, worker_name

__all__ = [
    "Processes",
    "attempts_option",
    "function_option",
    "heartbeat",
    "heartbeat_async",
    "import_function",
    "is_away",
    "lease_option",
    "worker_name",
]

# each module is loaded with its first name: a lease needs no command line
_MODULES = {
    "Processes": "commandline",
    "attempts_option": "common",
    "function_option": "common",
    "heartbeat": "leases",
    "heartbeat_async": "leases",
    "import_function": "common",
    "is_away": "leases",
    "lease_option": "common",
    "worker_name": "leases",
}


if not TYPE_CHECKING:
    from dbkit.doors import lazy_door

    __getattr__ = lazy_door(__name__, _MODULES)
