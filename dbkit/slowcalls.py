"""Tell the log of calls that took long."""

import logging

from dbkit.runtime import Call, Observing, observe

_LOG = logging.getLogger("dbkit")


def log_slow_calls(*, over: float = 1.0) -> Observing:
    """Have the log `dbkit` warn of each call of a query that took more than so many seconds.

    It tells the query, the seconds, the rows and the class of the error, and no value. The handle
    ends it: `close()`, or a `with`.
    """
    if over < 0:
        message = f"over is a number of seconds, not {over}"
        raise ValueError(message)

    def tell(call: Call) -> None:
        if call.seconds > over:
            _warn(call)

    return observe(tell)


def _warn(call: Call) -> None:
    failed = "" if call.error is None else f", failed: {type(call.error).__name__}"
    _LOG.warning(
        "slow call: %s (:%s) took %.3f seconds, %d rows%s",
        call.name,
        call.kind,
        call.seconds,
        call.rows,
        failed,
        # for logs that are kept as objects
        extra={"query": call.name, "seconds": call.seconds, "rows": call.rows},
    )
