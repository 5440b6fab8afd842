"""Write down for each clause a request that passes and its answer: `python -m benchmarks.passing`.

They are those of a run against the embedded reference, with names in place of ids, for `explain` and its page.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, groupby
from pathlib import Path

from conformance.__main__ import main as program
from conformance.commands.explain import PASSING
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.judge.answers import describe_refusal
from conformance.reports.words import answer_in_short
from conformance.verdict.record import RECORD_FILE, Record
from conformance.verdict.shapes import RACES

MOST_STEPS = 8
SHORTEST_ID = 9
"""The characters of the shortest text that is taken for an id."""
LONGEST_REQUEST = 200
LONGEST_ANSWER = 240
SHOWN = ("id", "object", "customer", "deleted")
"""The members of an object that are shown."""

ID = re.compile(r"\b(pm|cus|card|seti|req|iar)_[A-Za-z0-9]{14,}")


def passing() -> Mapping[str, list[str]]:
    """Run the suite against the reference; return a line for each step of the first episode of each clause."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()):
            status = program(["run", f"--results={folder}", "--seed=1", "-q"])
        if status:
            raise SystemExit(f"the reference does not conform: exit status {status}")
        record = Record.at(Path(folder) / RECORD_FILE)
    lines: dict[str, list[str]] = {}
    for trial in record.trials:
        for performed in trial.episodes:
            episode = performed.episode
            if episode.clause and episode.steps:
                lines.setdefault(episode.clause, list(lines_of(winner_first(episode))))
    return lines


def winner_first(episode: Episode) -> Episode:
    """Return an episode in the same order each time: of requests at once, chance decides which succeeds."""
    if episode.expectation not in RACES:
        return episode
    each_role = (list(steps) for _, steps in groupby(episode.steps, lambda step: step.role))
    steps = (sorted(steps, key=lambda step: not step.exchange.is_success) for steps in each_role)
    return replace(episode, steps=tuple(chain.from_iterable(steps)))


def lines_of(episode: Episode) -> Iterator[str]:
    """Yield a line for each step of an episode; consecutive ones that are alike are one line."""
    names = names_of(episode)
    said = (named(f"{request_of(step, names)} → {answer_of(step.exchange, names)}", names) for step in episode.steps)
    alike = [(line, len(list(group))) for line, group in groupby(said)]
    for line, times in alike[:MOST_STEPS]:
        yield line if times == 1 else f"{line} ({times} times)"
    if len(alike) > MOST_STEPS:
        yield f"and {len(alike) - MOST_STEPS} more"


def names_of(episode: Episode) -> dict[str, str]:
    """Return a name for each id of an episode; the second of a name has a number."""
    names: dict[str, str] = {}
    bound = (
        pair for bindings in (*(step.bindings for step in episode.steps), episode.fixtures) for pair in bindings.items()
    )
    for name, identifier in bound:
        if identifier not in names and len(identifier) >= SHORTEST_ID:
            words = name.replace("_", " ")
            number = 1 + sum(known.startswith(f"‹{words}") for known in names.values())
            names[identifier] = f"‹{words} {number}›" if number > 1 else f"‹{words}›"
    return names


def request_of(step: Step, names: Mapping[str, str]) -> str:
    """Return what a step sent, in words."""
    request = step.exchange.request
    words = step.attempt if step.attempt_digest else f"{request.method} {request.target}"
    for name, identifier in step.bindings.items():
        usual = f"‹{name.replace('_', ' ')}›"
        words = words.replace(usual, names.get(identifier, usual))
    return words if len(words) <= LONGEST_REQUEST else f"{words[:LONGEST_REQUEST]}…"


def answer_of(exchange: Exchange, names: Mapping[str, str]) -> str:
    """Return the status of an answer, and what it says, or the members of its object that count here."""
    body = exchange.object
    if exchange.error:
        return describe_refusal(exchange)
    if not body:
        return answer_in_short(exchange, LONGEST_ANSWER)
    if isinstance(body.get("data"), list):
        known = [entry["id"] for entry in body["data"] if entry.get("id") in names]
        return f"{exchange.status} a list of {len(body['data'])}{', with ' if known else ''}{', '.join(known)}"
    shown = {key: within(body[key]) for key in SHOWN if key in body}
    return f"{exchange.status} {json.dumps(shown, ensure_ascii=False)[:-1]}, …}}"


def within(value: object) -> object:
    """Return a value, or the id and the kind of an object that is expanded."""
    return {key: value[key] for key in SHOWN if key in value} if isinstance(value, dict) else value


def named(text: str, names: Mapping[str, str]) -> str:
    """Return a text with names in place of ids; one without a name is spelled by its kind."""
    for identifier in sorted(names, key=len, reverse=True):
        text = text.replace(identifier, names[identifier])
    return ID.sub(r"\1_…", text)


def main() -> int:
    """Write the file that `explain` reads."""
    PASSING.write_text(json.dumps(passing(), indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    print(PASSING.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
