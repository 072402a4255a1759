"""The processes of an application: workers that go on until they are told to stop, and a server."""

from dbkit.processes.commandline import Processes
from dbkit.processes.common import function_option
from dbkit.processes.leases import Lease, kept_alive

__all__ = ["Lease", "Processes", "function_option", "kept_alive"]
