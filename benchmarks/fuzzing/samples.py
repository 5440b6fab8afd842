"""The real files that are spoilt: records, a bundle, recordings in every form, expectations and targets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from benchmarks.forging import claim_of, rewritten, statements_of
from benchmarks.suite import Job, run_all
from conformance.commands.certificate.statements import target_of
from conformance.evidence.exchange import Exchange
from conformance.reports.har import har_of
from conformance.targets.description import FOLDER
from conformance.verdict.record import RECORD_FILE, Record
from conformance.verdict.shapes import steps_in

DEFECT, FOUND = "unknown-nested-ignored", "body.unknown-parameter-nested"
"""The defect of the recorded server, and the clause with a finding."""

CLAUSES = (FOUND, "request.minimal-body", "body.customer-required", "response.id", "state.persisted", "expand.inlined")
"""The clauses that the records are of: few, so that a mutation meets each line of them now and then."""

MOST_RECORDED = 6
"""How many exchanges a recording has."""


@dataclass(frozen=True)
class Samples:
    """Two records of the suite, of a server that does not conform and of one that does, and what is made of them."""

    record: bytes
    other: bytes

    @cached_property
    def read(self) -> Record:
        """Return the record as a value."""
        return Record.of(self.record)

    @cached_property
    def whole(self) -> Record:
        """Return the record as if it were of a whole run, which alone can be certified."""
        header = json.loads(json.dumps(self.read.header))
        header["selection"] = {"whole": True, "arguments": ""}
        header["options"]["budget"] = "standard"
        return rewritten(self.read, header=header)

    @cached_property
    def predicates(self) -> Mapping[str, Any]:
        """Return what a certificate states of it."""
        return statements_of(self.whole)

    @cached_property
    def target(self) -> Mapping[str, Any]:
        """Return the target that the certificate names."""
        return target_of(claim_of(self.whole))

    @cached_property
    def recordings(self) -> Mapping[str, Any]:
        """Return the same exchanges in each form of recorded traffic, by its name."""
        steps = (step.exchange for _, step in steps_in(self.read.trials))
        exchanges = [one for one in steps if one.is_to_operation and one.answered][:MOST_RECORDED]
        har = json.loads(har_of(self.read))
        har["log"]["entries"] = har["log"]["entries"][: 2 * MOST_RECORDED]
        return {
            "har": har,
            "interactions": {"http_interactions": list(map(_interaction, exchanges))},
            "nock": list(map(_nock, exchanges)),
            "plain": list(map(_plain, exchanges)),
        }

    @cached_property
    def cassette(self) -> bytes:
        """Return the exchanges as YAML."""
        return yaml.safe_dump(self.recordings["interactions"]).encode()

    @cached_property
    def expectations(self) -> tuple[bytes, ...]:
        """Return files of expectations: those that are shipped, and one in which an entry has every key."""
        return (EVERY_KEY, *(path.read_bytes() for path in sorted(FOLDER.glob("*.expectations.toml"))))

    @cached_property
    def targets(self) -> Mapping[str, bytes]:
        """Return the files of targets that are shipped, by their names."""
        return {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.toml")) if path.name.count(".") == 1}


def made_in(folder: Path) -> Samples:
    """Run the suite twice, and return what it leaves in that folder."""
    clauses = [f"--clause={clause}" for clause in CLAUSES]
    places = {name: folder / name for name in ("bad", "good")}
    jobs = [
        Job(
            name,
            DEFECT if name == "bad" else None,
            arguments=(*clauses, f"--results={place}"),
        )
        for name, place in places.items()
    ]
    list(run_all(jobs, 1))
    bad, good = ((places[name] / RECORD_FILE).read_bytes() for name in ("bad", "good"))
    return Samples(bad, good)


EVERY_KEY = f"""[[expected]]
clause = "{FOUND}"
outcome = "fail"
reason = "known since 2026"
finding = "3a4b5c6d"
link = "https://example.com/1"
expires = 2999-12-31
flaky = true
""".encode()


def _sent(exchange: Exchange) -> str:
    return (exchange.request.body or b"").decode("utf-8", "replace")


def _came_back(exchange: Exchange) -> str:
    return (exchange.body or b"").decode("utf-8", "replace")


def _headers(pairs: Any) -> Iterator[tuple[str, list[str]]]:
    return ((name, [value]) for name, value in pairs or ())


def _interaction(exchange: Exchange) -> dict[str, Any]:
    request, url = exchange.request, f"http://127.0.0.1:1{exchange.request.target}"
    return {
        "request": {
            "method": request.method.lower(),
            "uri": url,
            "body": {"encoding": "UTF-8", "string": _sent(exchange)},
            "headers": dict(_headers(request.headers)),
        },
        "response": {
            "status": {"code": exchange.status, "message": "OK"},
            "headers": dict(_headers(exchange.headers)),
            "body": {"encoding": "UTF-8", "string": _came_back(exchange)},
        },
        "recorded_at": "Mon, 21 Sep 2026 14:00:00 GMT",
    }


def _nock(exchange: Exchange) -> dict[str, Any]:
    return {
        "scope": "http://127.0.0.1:1",
        "method": exchange.request.method,
        "path": exchange.request.target,
        "body": _sent(exchange),
        "status": exchange.status,
        "response": json.loads(_came_back(exchange)),
        "rawHeaders": [text for pair in exchange.headers or () for text in pair],
    }


def _plain(exchange: Exchange) -> dict[str, Any]:
    request = exchange.request
    return {
        "request": {
            "method": request.method,
            "url": f"http://127.0.0.1:1{request.target}",
            "headers": dict(request.headers),
            "body": _sent(exchange),
        },
        "response": {
            "status": exchange.status,
            "headers": dict(exchange.headers or ()),
            "body": _came_back(exchange),
        },
    }
