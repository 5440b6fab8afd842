"""The script that reproduces findings: bash with curl, which creates its own fixtures and sends each episode again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

from conformance.evidence.episode import Finding, Step
from conformance.evidence.exchange import is_creation
from conformance.evidence.secret import LENGTH_OF_KEY, SEED_OF_KEY
from conformance.evidence.visible import escape
from conformance.fixtures.forms import (
    ANY_ID,
    CREATED,
    DECLINED,
    DECLINING_FORMS,
    GIVEN,
    LESS_DETAILS,
    OWN_DETAILS,
    PAYMENT_METHOD_FORMS,
    RUN,
)
from conformance.fixtures.ids import is_of_the_account, kind_of
from conformance.fixtures.provisioning import RUN_TAG
from conformance.reports.shell import Variables
from conformance.reports.templating import templates
from conformance.reports.words import admissible_in_short, authorization, curl
from contracts import load_catalogue
from strategies.refusals import near_misses

SCRIPT_FILE = "reproduce.sh"
LONGEST_COMMAND = 6000
"""The most characters of the command for one step."""
LONGEST_SCRIPT = 400_000
"""The most characters of the whole script; findings beyond it are left out, and counted."""
LEAST_OVERLAP = 0.0005
"""The least seconds that requests overlap if they were sent at once on purpose."""

PREFIX_OF = {"customer": "cus_", "payment_method": "pm_"}

_URL = "http://base-url.invalid"


@dataclass(frozen=True)
class Section:
    """The part that reproduces one finding: its `id`, title, comments, what is expected and observed, and its lines.

    The `lines` are those of bash.
    """

    id: str
    title: str
    expected: str
    observed: str
    comments: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Ways:
    """The sources of customers and payment methods, and how the key is shown, in the words of `Provision`."""

    customers: str = CREATED
    payment_methods: str = "a test token"
    scheme: str = "bearer"

    @property
    def form(self) -> Mapping[str, str]:
        """The form from which payment methods are created."""
        return PAYMENT_METHOD_FORMS.get(self.payment_methods, PAYMENT_METHOD_FORMS["a test token"])

    @property
    def declining_form(self) -> Mapping[str, str]:
        """The form from which declining ones are created."""
        way = self.payment_methods if self.payment_methods in DECLINING_FORMS else "a test token"
        return {**self.form, **DECLINING_FORMS[way][0]}


def script_of(results: Mapping[str, Any]) -> str:
    """Return the script for the first finding of each clause, from a `results.json`; empty if there is none."""
    target = results["target"]
    ways = {name: target[name] for name in ("customers", "payment_methods", "scheme") if target.get(name)}
    base_url = target["base_url"] if "://" in target["base_url"] else ""
    first = [clause["findings"][0] for clause in results["clauses"].values() if clause["findings"]]
    return script_for(map(Finding.from_json, first), base_url, Ways(**ways))


def script_command(identifier: str, record: Path) -> str:
    """Return the command for a finding of the script that stands beside a record; empty if none has it."""
    script = record.with_name(SCRIPT_FILE)
    try:
        text = script.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return f"bash {shlex.quote(str(script))} {identifier}" if f"finding_{identifier}()" in text else ""


def script_for(findings: Iterable[Finding], base_url: str, ways: Ways) -> str:
    """Return the script for the findings, numbered in their order; empty if there is none."""
    sections: list[Section] = []
    length = left_out = 0
    for number, finding in enumerate(findings, start=1):
        section = section_of(finding, number, ways)
        length += sum(map(len, section.lines))
        if length > LONGEST_SCRIPT and sections:
            left_out += 1
        else:
            sections.append(section)
    if not sections:
        return ""
    return _template().render(
        sections=sections,
        left_out=left_out,
        base_url=shlex.quote(base_url) if base_url else "",
        auth=" ".join(authorization("key", ways.scheme)),
        seed_of_key=SEED_OF_KEY,
        length_of_key=LENGTH_OF_KEY,
        customer=_options({f"metadata[{RUN_TAG}]": "reproduce"}),
        forms=[_options({**ways.form, **details}) for details in (OWN_DETAILS, LESS_DETAILS, {})],
        declining=_options(ways.declining_form),
    )


def section_of(finding: Finding, number: int, ways: Ways) -> Section:
    """Return the part that sends the episode of a finding again, on objects of its own."""
    catalogue = load_catalogue()
    remarks, expected = [f"Observed: {finding.observed}"], ""
    if finding.clause in catalogue:
        clause = catalogue[finding.clause]
        expected = admissible_in_short(clause)
        remarks = [clause.statement, *remarks, f"Expected: {expected}"]
    comments = [line for text in remarks for line in escape(text).splitlines()]
    title = f"{number}. {finding.id} {finding.clause}"
    lines = tuple(_Body(finding, ways).lines())
    return Section(finding.id, title, expected, escape(finding.observed), tuple(comments), lines)


@dataclass
class _Body:
    """The lines for one finding, and the variables with the ids of its objects."""

    finding: Finding
    ways: Ways
    variables: Variables = field(default_factory=lambda: Variables({_URL: "BASE_URL"}))

    def lines(self) -> Iterator[str]:
        """Yield the lines that create the fixtures and send step by step, equal consecutive steps in a loop."""
        steps = self.finding.episode.steps
        yield from self._fixtures(steps)
        place = 0
        while place < len(steps):
            together = _together(steps, place)
            count = together or self._alike(steps, place)
            yield f"say {shlex.quote(self._words(place, count))}"
            if together:
                yield from self._at_once(steps, place, count)
            else:
                yield self._repeated(steps[place], count)
            place += count
            yield from self._remember(steps[place - 1], steps[place:])

    def _at_once(self, steps: Sequence[Step], place: int, count: int) -> Iterator[str]:
        """Yield the lines that send steps at the same time, and show their answers one after the other."""
        numbers = range(place + 1, place + count + 1)
        for number in numbers:
            yield f'{self._command(steps[number - 1])} > "$work/step.{number}" &'
        yield "wait"
        yield f"show {' '.join(map(str, numbers))}"

    def _alike(self, steps: Sequence[Step], place: int) -> int:
        """Return how many steps from that place on have the same command and response."""

        def kind(step: Step) -> tuple[object, ...]:
            return step.role, step.attempt, step.exchange.status, step.exchange.new_connection, self._command(step)

        _, alike = next(groupby(steps[place:], kind))
        return len(list(alike))

    def _repeated(self, step: Step, count: int) -> str:
        """Return the command that sends a step so often, on one connection where that was kept."""
        command = self._command(step)
        if count == 1:
            return command
        if command.startswith("send ") and not step.exchange.new_connection:
            return f"send_often {count} {command.removeprefix('send ')}"
        return f"for _ in $(seq {count}); do {command}; done"

    def _words(self, place: int, count: int) -> str:
        steps = self.finding.episode.steps
        step = steps[place]
        places = f"steps {place + 1} to {place + count}" if count > 1 else f"step {place + 1}"
        shows = " (shows it)" if place <= self.finding.culprit < place + count else ""
        answer = step.exchange.status or step.exchange.why_unanswered
        attempt = escape(self.variables.in_words(step.attempt))
        return f"{places} of {len(steps)}, {step.role}: {attempt}; in the run: {answer}{shows}"

    def _command(self, step: Step) -> str:
        command = self.variables.in_shell(curl(step.exchange, _URL, "send", self.ways.scheme))
        return command if len(command) <= LONGEST_COMMAND else "echo 'left out: it is too long for a command line'"

    def _fixtures(self, steps: Sequence[Step]) -> Iterator[str]:
        """Yield the lines that create or name the objects from before the first step."""
        created = {str(step.exchange.object.get("id")) for step in steps if is_creation(step.exchange)}
        sent = b"\n".join(_sent(step) for step in steps)
        for identifier, name in self._bound(steps).items():
            if identifier not in created and Variables({identifier: "x"}).stands_in(sent):
                yield from self._fixture(identifier, name)

    def _bound(self, steps: Sequence[Step]) -> dict[str, str]:
        """Return the names of the objects that the steps use, by their ids."""
        bound: dict[str, str] = {}
        for bindings in (*(step.bindings for step in steps), self.finding.episode.fixtures):
            changed = near_misses(bindings)
            for name, identifier in bindings.items():
                if is_of_the_account(identifier) and name not in changed:
                    bound.setdefault(identifier, name)
        return bound

    def _fixture(self, identifier: str, name: str) -> Iterator[str]:
        if name == RUN:
            yield f"{self.variables.add(identifier, 'run')}=$(date +%s)$$"
            return
        kind = kind_of(name)
        way = self.ways.customers if kind == "customer" else self.ways.payment_methods
        if way == ANY_ID:
            if self.ways.customers != self.ways.payment_methods:  # what the target keeps has to be new
                variable = self.variables.add(identifier, kind)
                yield f"{variable}={PREFIX_OF[kind]}{variable.replace('_', '')}$(date +%s)$$"
            return
        if way == GIVEN:
            why = "  # as in the run: put one here that nothing has been done to"
            yield f"{self.variables.add(identifier, kind)}={shlex.quote(identifier)}{why}"
            return
        declines = kind == "payment_method" and self.finding.episode.clause == DECLINED
        variable = self.variables.add(identifier, kind)
        function = f"new_declining_{kind}" if declines else f"new_{kind}"
        yield f"{variable}=$({function}) || return"
        if name == "deleted_customer":
            yield "say 'that customer is deleted'"
            yield f'send "${{auth[@]}}" -X DELETE "$BASE_URL/v1/customers/${variable}"'

    def _remember(self, step: Step, later: Sequence[Step]) -> Iterator[str]:
        """Yield the line that keeps the id from a response, if a later step needs it."""
        identifier = step.exchange.object.get("id")
        if not isinstance(identifier, str) or len(identifier) < 8 or self.variables.knows(identifier):
            return
        if any(identifier.encode() in _sent(one) for one in later):
            kind = "customer" if identifier.startswith("cus") else "payment_method"
            yield f"{self.variables.add(identifier, kind)}=$(id_in_answer)"


def _sent(step: Step) -> bytes:
    request = step.exchange.request
    head = "\n".join([request.target, *(value for _, value in request.headers)])
    return head.encode("utf-8", "replace") + b"\n" + (request.body or b"")


def _together(steps: Sequence[Step], place: int) -> int:
    """Return how many steps from that place on were sent at once; 0 if one came after the other."""

    def began(step: Step) -> float:
        return step.exchange.received - step.exchange.seconds

    together = [steps[place]]
    for step in steps[place + 1 :]:
        latest = max(map(began, [*together, step]))
        earliest = min(one.exchange.received for one in [*together, step])
        if latest >= earliest - LEAST_OVERLAP:
            break
        together.append(step)
    return len(together) if len(together) > 1 and min(map(began, together)) > 0 else 0


def _options(form: Mapping[str, str]) -> str:
    return " ".join(f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in form.items())


@cache
def _template() -> jinja2.Template:
    # bash: every text is quoted for it, or stands in a comment of one line
    environment = templates(escaped=False, keep_trailing_newline=True)
    environment.filters["quoted"] = shlex.quote
    return environment.get_template("reproduce.sh.jinja")
