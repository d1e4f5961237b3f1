"""The process behind the `emulator` fixture: MiniStack, mended, on a listening socket that it is handed.

Started as `python emulator_server.py FD`. Besides AWS it answers `POST /_test/call`, which runs a function
in here.
"""

import asyncio
import importlib
import json
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from ons_sandbox import mends

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def _call(receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    asked = json.loads(body)
    module, _, name = asked["function"].partition(":")
    try:
        answer = getattr(importlib.import_module(module), name)(**asked["arguments"])
        status, content = 200, json.dumps(answer, default=str).encode()
    except Exception:  # noqa: BLE001 - the test is told what happened in here
        status, content = 500, traceback.format_exc().encode()
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": content})


def main() -> None:
    """Serve until SIGTERM."""
    from ministack.app import app

    mends.install_all()

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/_test/call":
            await _call(receive, send)
        else:
            await app(scope, receive, send)

    config = Config()
    config.bind = [f"fd://{sys.argv[1]}"]
    config.accesslog = None

    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await serve(application, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]

    asyncio.run(run())


if __name__ == "__main__":
    main()
