"""Answer requests with an ASGI application until a signal comes."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, TypeAlias

from dbkit.pools import AsyncDatabase, open_async_database
from dbkit.processes.common import Common
from dbkit.processes.errors import CannotListen, NoServer
from dbkit.processes.working import FAILURE

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_SERVER_ERROR = 500


async def serve(
    make: Callable[[AsyncDatabase], Application],
    url: str,
    common: Common,
    address: tuple[str, int],
    logger: logging.Logger,
) -> int:
    """Serve until SIGTERM, or with `once` until one request is answered; return the exit code."""
    try:
        # only a process that serves needs it
        import uvicorn  # noqa: PLC0415
    except ModuleNotFoundError:
        raise NoServer from None
    listening = _listen(*address)
    counts = {"answered": 0, "failed": 0}
    async with open_async_database(
        url, min_size=1, max_size=common.concurrency, role=common.role, name=logger.name
    ) as database:
        application = make(database)

        async def counted(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await application(scope, receive, send)
                return
            failed = True

            async def sending(message: Message) -> None:
                nonlocal failed
                if message["type"] == "http.response.start":
                    failed = message["status"] >= _SERVER_ERROR
                await send(message)

            try:
                await application(scope, receive, sending)
            finally:
                counts["answered"] += 1
                counts["failed"] += failed
                if common.once:
                    server.should_exit = True

        server = uvicorn.Server(
            uvicorn.Config(
                counted,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=round(common.grace),
            )
        )
        serving = asyncio.create_task(server.serve([listening]))
        logger.info("listening at http://%s:%d", *listening.getsockname()[:2])
        while not serving.done():
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(serving), common.health)
                break
            logger.info("healthy: %s; %s", _told(counts), database.statistics())
        await serving
    logger.info("ended: %s", _told(counts))
    return FAILURE if common.once and counts["failed"] else 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise CannotListen(f"{host}:{port}", error.strerror or str(error)) from error


def _told(counts: dict[str, int]) -> str:
    return f"{counts['answered']:,} answered, {counts['failed']:,} of them with an error of ours"
