"""The record of a run: JSON lines that hold everything it saw, each chained to the one before."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema_rs

from conformance.evidence.files import read_bounded
from conformance.evidence.storing import LONGEST_BODY, size_of_body
from conformance.evidence.traffic import Traffic, TrafficCounter
from conformance.fixtures.provisioning import Provision
from conformance.paths import SUITE
from conformance.transport.ways import Try
from conformance.verdict.expectations import Expectations, weigh
from conformance.verdict.finding_ids import with_ids
from conformance.verdict.internal_errors import InternalError
from conformance.verdict.ledger import conclude, hold_general_clauses, without
from conformance.verdict.misuse import Misuse
from conformance.verdict.profiles import all_verdicts
from conformance.verdict.run import Diagnosis, Run, without_proof
from conformance.verdict.settings import Settings
from conformance.verdict.trial import ERROR, Entry, Note, Trial, by_turn, fold_in_turn
from contracts import load_catalogue, published_contract

RECORD_FILE = "run.jsonl"
SCHEMA = SUITE / "contracts" / "record.schema.json"
FORMAT = 2
MOST_BYTES = 512_000_000
"""The most bytes of all inflated bodies of a record together."""
FRACTIONS = frozenset({"seconds", "received", "idle", "rate", "timeout", "explore", "max_time"})
"""The members of a record that may be fractions."""
FREE = "facts"
"""The member that holds any values."""
OPTIONS = ("profile", "level", "budget", "seed", "rate", "timeout", "dry_run")
RARE = {"explore": None, "max_time": None, "max_requests": None, "left_out": (), "concurrency": 1}
"""The options that a header names, always, and only where they are not as usual."""
CHAINED_DIGITS = 16
REFERENCE = "embedded reference"
SUITE_NAME = "attach-conformance"
EXPLORED = "explored"
"""The stand-in for a clause in the id of an episode that has none."""


class BrokenRecord(Misuse):
    """A file that is no whole record of a run; the message names the line, and says why."""


@dataclass(frozen=True)
class Record:
    """A record: its `content` as a file, and the parts of that."""

    content: bytes
    header: Mapping[str, Any]
    entries: Sequence[Entry]
    footer: Mapping[str, Any]

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The trials, in order."""
        return tuple(entry.logged for entry in self.entries if isinstance(entry.logged, Trial))

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes, in order."""
        return tuple(entry.logged for entry in self.entries if isinstance(entry.logged, Note))

    @property
    def outcomes(self) -> Mapping[str, str]:
        """The outcome of each clause, by the footer."""
        outcomes: Mapping[str, str] = self.footer["outcomes"]
        return outcomes

    @classmethod
    def at(cls, path: Path, hint: str = "") -> Record:
        """Read the record in a file. Raises BrokenRecord, whose message names the file and ends with the `hint`."""
        try:
            return cls.read(path)
        except OSError as error:
            why = f" ({error.strerror}): {hint}" if hint else f": {error.strerror}"
            raise BrokenRecord(f"{path} cannot be read{why}") from None
        except BrokenRecord as error:
            raise BrokenRecord(f"{path}: {error}") from None

    @classmethod
    def of(cls, content: bytes) -> Record:
        """Return the record in the content of a file. Raises BrokenRecord."""
        lines = content.split(b"\n")
        if lines.pop() != b"" or not lines:
            raise BrokenRecord(f"line {max(len(lines), 1)}: it is cut off")
        before = [b"", *lines]
        parts = [_read_line(number, line, before[number - 1]) for number, line in enumerate(lines, start=1)]
        if "header" not in parts[0]:
            raise BrokenRecord("line 1: it is not a header")
        if "footer" not in parts[-1]:
            raise BrokenRecord(f"line {len(lines)}: it is cut off: the last line is no footer")
        footer = parts[-1]["footer"]
        counted = {"lines": len(lines) - 1, "sha256": _digest_of(lines[:-1])}
        for name, value in counted.items():
            if footer[name] != value:
                raise BrokenRecord(f"line {len(lines)}: `{name}` of the footer is {footer[name]}, not {value}")
        _check_time(1, parts[0]["header"]["started"])
        _check_time(len(lines), footer["ended"])
        return cls(content, parts[0]["header"], _entries(parts[1:-1]), footer)

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read the record in a file. Raises BrokenRecord, and OSError if there is no such file."""
        return cls.of(read_bounded(path))


def record_lines(
    header: Mapping[str, Any],
    entries: Iterable[Entry],
    footer: Mapping[str, Any],
    blotted: Callable[[str], str] = str,
) -> Iterator[bytes]:
    """Yield the lines of a record of these parts. Episodes get their ids here, and the footer its counts.

    `blotted` removes the key from a line, which is JSON.
    """
    digest = hashlib.sha256()
    count, line = 0, b""
    trials = ({"worker": one.worker, "turn": one.turn, **one.logged.to_json()} for one in number_episodes(entries))
    for part in chain([{"header": header}], trials):
        line = _chained(part, line, blotted)
        digest.update(line + b"\n")
        count += 1
        yield line + b"\n"
    counts = {"lines": count, "sha256": digest.hexdigest()}
    yield _chained({"footer": {**footer, **counts}}, line, blotted) + b"\n"


def _chained(part: Mapping[str, Any], before: bytes, blotted: Callable[[str], str]) -> bytes:
    line = _encoded({"previous": _previous(before), **part})
    return blotted(line.decode()).encode()


def number_for(clause: str) -> str:
    """Return the name by which the episodes of a clause's trials are numbered."""
    return clause or EXPLORED


def number_episodes(entries: Iterable[Entry], before: Mapping[str, int] | None = None) -> Iterator[Entry]:
    """Yield the entries of a run, each of their episodes with its id; `before` counts the trials that came before."""
    numbers = Counter(before)
    for entry in entries:
        trial = entry.logged
        if isinstance(trial, Note):
            yield entry
            continue
        name = number_for(trial.clause)
        numbers[name] += 1
        identifier = f"{name}/{numbers[name]}"
        episodes = tuple(
            performed.with_id(f"{identifier}/{performed.part}-{place}" if place else identifier)
            for place, performed in enumerate(trial.episodes)
        )
        yield replace(entry, logged=replace(trial, episodes=episodes))


def header_of(
    settings: Settings,
    provision: Provision | None,
    *,
    diagnosis: Diagnosis | None = None,
    capabilities: Sequence[str] | None,
    versions: Mapping[str, str],
    started: str,
    workers: int,
    selection: str,
) -> dict[str, Any]:
    """Return the header for a run that `started` at an ISO 8601 time in UTC.

    `selection` says in words how it was narrowed; it is empty for a whole run.
    """
    commit, edited = suite_commit()
    searched = provision or diagnosis
    expectations = settings.expectations
    return {
        "format": FORMAT,
        "suite": {
            "name": SUITE_NAME,
            "version": versions.get(SUITE_NAME, ""),
            "commit": commit,
            "edited": edited,
        },
        "contract": published_contract().digest,
        "catalogue": load_catalogue().digest,
        "options": {
            **{name: getattr(settings, name) for name in OPTIONS},
            "required": list(settings.required),
            "expectations": expectations.digest if expectations else None,
            **{name: getattr(settings, name) for name, usual in RARE.items() if getattr(settings, name) != usual},
        },
        "expectations": expectations.to_json() if expectations else None,
        "selection": {"whole": not selection, "arguments": selection},
        "workers": workers,
        "versions": dict(versions),
        "target": {
            "base_url": settings.base_url or REFERENCE,
            **({"implementation": settings.implementation} if settings.implementation else {}),
            **({"started": settings.target} if settings.target else {}),
            "stateless": provision is not None and provision.stateless,
            "provision": provision.to_json() if provision else None,
            "tries": [asdict(one) for one in searched.tries] if searched else [],
            "capabilities": None if capabilities is None else list(capabilities),
        },
        "started": started,
    }


def footer_of(run: Run, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the footer for a run without its counts: what is `known` beside its episodes, and the conclusions."""
    return {
        "outcomes": {slug: str(result.observed) for slug, result in run.results.items()},
        "verdicts": {profile: verdict.verdict for profile, verdict in run.verdicts.items()},
        "verdict": run.verdict,
        "exit_status": int(run.exit_status),
        **known,
    }


def run_of(record: Record, *, weighed: bool = True) -> Run:
    """Judge every episode of a record, and return the run that follows.

    If it is not `weighed`, its results are the observed ones, without expectations.
    """
    return conclude_run(record.header, record.entries, record.footer, weighed=weighed)


def judged_again(record: Record) -> Run:
    """Return the run that follows from a record that anybody may have written.

    Raises BrokenRecord where the judges can make nothing of its episodes.
    """
    try:
        return run_of(record)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise BrokenRecord(f"its episodes cannot be judged ({type(error).__name__})") from None


def conclude_run(
    header: Mapping[str, Any],
    entries: Iterable[Entry],
    known: Mapping[str, Any],
    *,
    in_turn: Iterable[tuple[int, Entry]] | None = None,
    weighed: bool = True,
) -> Run:
    """Return the run that follows from these parts of a record; of a footer, only what is `known` beside the episodes.

    `entries` are gone through more than once; `in_turn` are the same in the order of their turns, if they need not be
    sorted. Live runs and records are concluded by this function, so that both are rendered the same.
    """
    contract, catalogue = published_contract(), load_catalogue()
    target = header["target"]
    provision = Provision.from_json(target["provision"]) if target["provision"] else None
    settings = _settings_of(header, provision)

    ledger = fold_in_turn(by_turn(entries) if in_turn is None else in_turn, contract, catalogue)
    hold_general_clauses(ledger, catalogue)
    results = without(with_ids(conclude(catalogue, ledger)), settings.left_out)
    verdicts = all_verdicts(results, catalogue, level=settings.level, stateless=target["stateless"])
    gate = None
    if settings.expectations is not None and weighed and not settings.dry_run:
        unheard = frozenset(known["unheard"])
        profile, level = settings.profile, settings.level
        gate = weigh(settings.expectations, results, catalogue, profile=profile, level=level, unheard=unheard)

    tries = tuple(Try(**one) for one in target.get("tries", ()))
    diagnosis, capabilities = known["diagnosis"], target["capabilities"]
    return Run(
        settings=settings,
        contract=replace(contract, digest=header["contract"]),
        catalogue=replace(catalogue, digest=header["catalogue"]),
        target=target["base_url"],
        provision=str(provision or ""),
        payment_methods=provision.payment_methods if provision else "",
        customers=provision.customers if provision else "",
        scheme=provision.scheme if provision else "bearer",
        stateless=target["stateless"],
        results=gate.results if gate else results,
        verdicts=verdicts if settings.explore is None else without_proof(verdicts),
        requests=known["requests"],
        seconds=known["seconds"],
        started=header["started"],
        versions=header["versions"],
        diagnosis=Diagnosis.from_json(diagnosis, tries) if diagnosis else None,
        interrupted=known["interrupted"],
        bound=known.get("bound", ""),
        left_over=tuple(known["left_over"]),
        objects=known["objects"],
        plan=known["plan"],
        first_finding=known["first_finding"],
        capabilities=None if capabilities is None else tuple(capabilities),
        gate=gate,
        traffic=_traffic_of(entries),
        errors=(*_errors_of_tests(entries), *map(InternalError.from_json, known.get("errors", ()))),
        stopped=known.get("stopped", ""),
        narrowed=header["selection"]["arguments"],
    )


def _settings_of(header: Mapping[str, Any], provision: Provision | None) -> Settings:
    options, target = header["options"], header["target"]
    expectations = Expectations.from_json(header["expectations"]) if header["expectations"] else None
    own = {"required": tuple(options["required"]), "expectations": expectations, "explore": options.get("explore")}
    own["left_out"] = tuple(options.get("left_out", ()))
    return Settings(
        **{**options, **own},
        base_url=None if target["base_url"] == REFERENCE else target["base_url"],
        payment_methods=provision.given_payment_methods if provision else (),
        customers=provision.given_customers if provision else (),
        results=Path(),
        implementation=target.get("implementation", ""),
        target=target.get("started", ""),
    )


def _errors_of_tests(entries: Iterable[Entry]) -> Iterator[InternalError]:
    notes = (entry.logged for entry in entries if isinstance(entry.logged, Note))
    for note in notes:
        if note.kind == ERROR:
            yield InternalError(note.test or note.clause, note.reason, note.traceback, note.clause)


def _traffic_of(entries: Iterable[Entry]) -> Traffic:
    counter = TrafficCounter()
    for entry in entries:
        for performed in () if isinstance(entry.logged, Note) else entry.logged.episodes:
            counter.count(performed.episode)
    return counter.traffic


@cache
def suite_commit() -> tuple[str | None, bool | None]:
    """Return the commit of the suite, and whether its files differ from that; None for both outside of a repository."""
    try:
        commit, edited = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit.strip(), bool(edited.strip())


def _git(*arguments: str) -> str:
    """Ask git about the suite's own repository: an installed suite may lie within that of another project."""
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(SUITE.parent)}
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=SUITE, env=environment, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _read_line(number: int, line: bytes, before: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BrokenRecord(f"line {number}: it is no JSON") from None
    try:
        error = next(iter(_validator().iter_errors(data)), None)
    except UnicodeEncodeError:
        raise BrokenRecord(f"line {number}: it holds half a surrogate pair") from None
    except (ValueError, OverflowError, RecursionError):
        raise BrokenRecord(f"line {number}: it is nested too deep, or a number in it is too long") from None
    if error is not None:
        place = "/".join(map(str, error.instance_path))
        where = f"`{place}`: " if place else ""
        raise BrokenRecord(f"line {number}: {where}it does not match the record's schema")
    if any(_fractions_in(data)):
        raise BrokenRecord(f"line {number}: a whole number in it is written as a fraction")
    if data["previous"] != _previous(before):
        raise BrokenRecord(f"line {number}: the line before was edited, or one is missing")
    if _encoded(data) != line:
        raise BrokenRecord(f"line {number}: it is not in the form in which the suite writes it")
    return dict(data)


def _fractions_in(value: Any) -> Iterator[bool]:
    """Yield true for each fraction, such as 1.0, in a place in which only a whole number can stand."""
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, float):
                yield name not in FRACTIONS
            elif isinstance(member, dict | list) and name != FREE:
                yield from _fractions_in(member)
    elif isinstance(value, list):
        for member in value:
            if isinstance(member, dict | list):
                yield from _fractions_in(member)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _check_time(number: int, text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise BrokenRecord(f"line {number}: {text} is no time") from None


def _entries(parts: Sequence[Mapping[str, Any]]) -> list[Entry]:
    entries: list[Entry] = []
    left = MOST_BYTES
    for number, data in enumerate(parts, start=2):
        if "trial" not in data and "note" not in data:
            raise BrokenRecord(f"line {number}: there is a header or a footer in the middle")
        try:
            for body in _bodies_in(data):
                left -= size_of_body(body, min(left, LONGEST_BODY))
            logged = Trial.from_json(data) if "trial" in data else Note.from_json(data)
        except (ValueError, zlib.error):
            raise BrokenRecord(f"line {number}: a body in it cannot be read, or is too long") from None
        entries.append(Entry(data["worker"], logged, data["turn"]))
    return entries


def _bodies_in(data: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the bodies in a line of a record, as they are stored."""
    for episode in data.get("episodes", ()):
        for step in episode["steps"]:
            yield step["exchange"]["request"]["body"]
            yield step["exchange"]["body"]


def _encoded(data: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can stand for
        return json.dumps(data, separators=(",", ":")).encode()


def _previous(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:CHAINED_DIGITS] if line else ""


def _digest_of(lines: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
