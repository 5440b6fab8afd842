"""A relay on this machine that makes a server far: what a client sends arrives there a moment later.

python -m benchmarks.delaying http://127.0.0.1:8420 0.15
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

CHUNK = 256 * 1024


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Pass on everything, each part that many seconds after it came, and the end of it."""
    loop = asyncio.get_running_loop()
    parts: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def pass_on() -> None:
        while True:
            due, data = await parts.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                return
            writer.write(data)
            await writer.drain()

    passing = asyncio.create_task(pass_on())
    with contextlib.suppress(OSError, asyncio.CancelledError):
        while data := await reader.read(CHUNK):
            parts.put_nowait((loop.time() + seconds, data))
        parts.put_nowait((loop.time() + seconds, b""))
        await passing
    passing.cancel()
    writer.close()


@contextlib.contextmanager
def delayed(url: str, seconds: float) -> Iterator[str]:
    """Yield the URL of a relay to `url` for as long as the block lasts."""
    target = urlsplit(url)
    loop = asyncio.new_event_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, to_there = await asyncio.open_connection(target.hostname, target.port)
        except OSError:
            writer.close()
            return
        for task in (
            asyncio.create_task(_relay(reader, to_there, seconds)),
            asyncio.create_task(_relay(there, writer, 0)),
        ):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0, backlog=256))
    port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


if __name__ == "__main__":
    with delayed(sys.argv[1], float(sys.argv[2])) as relay:
        print(relay, flush=True)
        threading.Event().wait()
