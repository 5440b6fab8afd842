"""Commands of the suite in processes that have imported everything already, for scripts that start many of them.

A script starts this very file as its `python`, with the path of a socket as the first argument; behind that the fork
server listens. It gets the arguments, the folder, the environment and the terminal, and gives the exit status. The two
ends know no more of each other, so that this file imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LONGEST = 1 << 20
MODULES = ("pytest", "conformance")


def ask(path: str, arguments: list[str]) -> int:
    """Have `python ARGUMENTS` done behind the socket, with the terminal of this process; its exit status."""
    request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST)
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(request).encode()], [0, 1, 2])
        return int(connection.recv(16) or b"70")


def serve(path: str) -> None:
    """Do what is asked for at the socket, each in a process of its own, until this one is ended."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _do(connection)
            connection.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _do(connection: socket.socket) -> None:
    import runpy

    message, terminal, _, _ = socket.recv_fds(connection, LONGEST, 3)
    request = json.loads(message)
    for number, file in enumerate(terminal):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    _, module, *arguments = request["arguments"]
    sys.argv = [module, *arguments]
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    status = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(str(status).encode())
    os._exit(status)


def _end_with(connection: socket.socket) -> None:
    """End this process as soon as the process that asked for it is gone."""
    connection.recv(1)
    os._exit(1)


@contextlib.contextmanager
def serving(path: Path) -> Iterator[None]:
    """Serve at that socket as long as this lasts."""
    from benchmarks.processes import CONTEXT

    process = CONTEXT.Process(target=serve, args=(str(path),), daemon=True)
    process.start()
    try:
        while not path.exists() and process.is_alive():
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.join()


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1], sys.argv[2:]))
