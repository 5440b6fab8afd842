"""`python -m reference`: serve until stopped."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

from . import build, defects, variants


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        """Stop with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


class Once(argparse.Action):
    """An option that may be given once: the last of several would win without a word."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, value: object, option: str | None = None
    ) -> None:
        """Keep the value, or stop where there is one."""
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option} is given twice: one server has one of them")
        setattr(namespace, self.dest, value)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = Parser(prog="python -m reference", description="Serve a small Stripe on 127.0.0.1.")
    options.add_argument("--port", type=_port, default=0, help="port to listen on (default 0: any free one)")
    options.add_argument("--stateless", action="store_true", help="know every id and keep nothing")
    options.add_argument("--defect", metavar="NAME", action=Once, help="seed one defect")
    options.add_argument("--variant", metavar="NAME", action="append", default=[], help="conform differently")
    options.add_argument("--list", action="store_true", help="list defects and variants, and stop")
    options.add_argument(
        "--api-key-env",
        metavar="NAME",
        default="REFERENCE_API_KEY",
        help="environment variable with the account's key (default %(default)s); where it is unset, the first"
        " well-formed key that is used becomes the account's",
    )
    options.add_argument("--exit-with-parent", action="store_true", help="stop when the parent is gone")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Serve, and return the exit status: 0 after a stop, 2 for a wrong option, 1 if the port is taken."""
    options = parser().parse_args(arguments)
    if options.list:
        print(listing())
        return 0
    key = os.environ.get(options.api_key_env) or None
    try:
        server = build(options.defect, options.variant, stateless=options.stateless, port=options.port, api_key=key)
    except KeyError as error:
        parser().error(f"unknown name: {error.args[0]} (--list shows them all)")
    except OSError as error:
        message = f"cannot listen on port {options.port}: {error.strerror}"
        print(f"python -m reference: error: {message}", file=sys.stderr)
        return 1
    if options.defect and defects.get(options.defect).stateless and not options.stateless:
        print("python -m reference: note: this defect shows only with --stateless", file=sys.stderr)
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if options.exit_with_parent:
        threading.Thread(target=_watch_parent, args=(os.getppid(), stopped), daemon=True).start()
    server.start()
    print(f"listening on {server.url}", flush=True)
    stopped.wait()
    server.stop()
    return 0


def listing() -> str:
    """Return every defect and every variant, one a line."""
    lines = [f"{len(defects.CATALOGUE)} defects: name, profile, clause, difficulty, what is wrong"]
    for defect in defects.CATALOGUE.values():
        where = ", --stateless" if defect.stateless else ""
        head = f"  {defect.name:<38} {defect.profile:<9} {defect.clause:<36} {defect.difficulty + where:<18}"
        lines.append(f"{head} {defect.description}")
    lines.append(f"{len(variants.CATALOGUE)} variants: name, profiles that it conforms to, what is different")
    for variant in variants.CATALOGUE.values():
        lines.append(f"  {variant.name:<38} {'/'.join(variant.profiles):<26} {variant.description}")
    return "\n".join(lines)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"not a port: {text!r}")
    return int(text)


def _watch_parent(parent: int, stopped: threading.Event) -> None:
    while os.getppid() == parent:
        time.sleep(0.25)
    stopped.set()


if __name__ == "__main__":
    sys.exit(main())
