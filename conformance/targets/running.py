"""Starting and stopping a target's server on this machine, on loopback alone."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from conformance.evidence.secret import Secret
from conformance.paths import program_here
from conformance.targets import supervise
from conformance.targets.description import Server, TargetDescription
from conformance.targets.installing import cache_folder, fill, is_installed, without_key
from conformance.transport.route import number_of

STOP_SECONDS = 2 * supervise.GRACE_SECONDS


class CannotRun(RuntimeError):
    """A target's server that does not start; the message says in one line why, and what to do."""


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    target: TargetDescription, key: Secret, port: int | None = None, cache: Path | None = None
) -> Iterator[str]:
    """Start the server of `target`, yield its base URL, and stop it at the end with all processes that it has started.

    Raises CannotRun if it is not installed, does not answer in time, or listens on more than loopback.
    """
    cache = cache or cache_folder()
    server = target.server
    if not server:
        raise CannotRun(f"{target.name} cannot be started: it is at {target.base_url}")
    if not is_installed(target, cache):
        raise CannotRun(f"{target.name} is not installed: run `{program_here()} targets --install {target.name}`")
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix=f"{target.name}-", ignore_cleanup_errors=True) as scratch:
        more = {"port": str(port), "second_port": str(free_port()), "scratch": scratch, "key": key.reveal()}
        command = fill(server.start, target, cache, **more)
        values = fill(list(server.environment.values()), target, cache, **more)
        own = dict(zip(server.environment, values, strict=True))
        log = Path(scratch, "server.log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, supervise.__file__, *command],
                cwd=scratch,
                env={**without_key(), "TMPDIR": scratch, **own},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_ready(target, server, process, port, log)
            _check_loopback(target, process.pid)
            _restart_when_ended(process)
            yield f"http://127.0.0.1:{port}"
        finally:
            _stop(process)


def installed_version(target: TargetDescription, cache: Path) -> str:
    """Return the last word that the target's version command prints; the pinned version if it prints none."""
    if not target.server.version_command:
        return target.version
    command = fill(target.server.version_command, target, cache)
    try:
        done = subprocess.run(
            command, env=without_key(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return target.version
    words = done.stdout.split()
    return words[-1] if done.returncode == 0 and words else target.version


def _wait_until_ready(
    target: TargetDescription, server: Server, process: subprocess.Popen[bytes], port: int, log: Path
) -> None:
    deadline = time.monotonic() + server.seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CannotRun(f"{target.name} ended at once: {_last_words(log)}")
        if _answers(port, server.ready):
            return
        time.sleep(0.05)
    raise CannotRun(f"{target.name} does not answer at port {port} after {server.seconds:g} s: {_last_words(log)}")


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _check_loopback(target: TargetDescription, supervisor: int) -> None:
    open_to_others = sorted(address for address in _listening(supervisor) if not is_loopback(address))
    if open_to_others:
        raise CannotRun(f"{target.name} listens on {', '.join(open_to_others)}, not on loopback alone: it was stopped")


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own; so is IPv4 loopback as a dual-stack socket shows it."""
    number = number_of(address)
    return number is not None and number.is_loopback


def _listening(supervisor: int) -> set[str]:
    """Return the addresses on which the supervised processes listen."""
    found = set()
    for process in psutil.Process(supervisor).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            connections = process.net_connections(kind="tcp")
            found |= {entry.laddr.ip for entry in connections if entry.status == psutil.CONN_LISTEN}
    return found


def _restart_when_ended(process: subprocess.Popen[bytes]) -> None:
    """Let the supervisor start the server again if a request ends it."""
    assert process.stdin is not None, "the pipe that keeps the server alive"
    with contextlib.suppress(OSError):
        process.stdin.write(b"1")
        process.stdin.flush()


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None, "the pipe that keeps the server alive"
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                os.kill(child.pid, 9)
        process.kill()
        process.wait()


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "it printed nothing"
