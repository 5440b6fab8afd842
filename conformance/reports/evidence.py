"""Findings as evidence to be shown: requests and responses, cut to what a reader can take in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby

from conformance.evidence.episode import Finding, Step
from conformance.evidence.exchange import Exchange, customer_id
from conformance.evidence.visible import Piece, indent, visible
from conformance.reports.reproduction import Reached, curl_alone, replay_in_folder
from conformance.reports.words import OF_THE_KEY, answer_in_short, culprit_of
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import IN_LOWER_CASE_HEADER, PATH_PREFIX, PATH_SUFFIX, Request
from strategies.wire import parse_name

LONGEST_VALUE = 160
LONGEST_CURL = 6000
LONGEST_INDENTED = 100_000
"""The most characters shown: a longer command is left out, a longer text cut, longer JSON not indented."""

MOST_STEPS = 8
MOST_PAIRS = 40
MOST_HEADERS = 40

_METHOD = "method"
_PATH = "payment_method"
_MEDIA_TYPE = "media type"
_CREDENTIALS = ("Authorization", "credentials")


@dataclass(frozen=True)
class Lengths:
    """The most characters of a request, and of an answer's headers and body each, that are shown."""

    request: int = 1500
    answer: int = 3000


USUAL = Lengths()


@dataclass(frozen=True)
class Parameter:
    """A parameter of a form body, decoded; `marked` if it is the invalid component."""

    name: tuple[Piece, ...]
    value: tuple[Piece, ...]
    marked: bool


@dataclass(frozen=True)
class StepShown:
    """A step of an episode, to be read: the request and the response.

    `number` counts from 1; `times` is the number of consecutive steps like it. `parameters` is None if the body is no
    form.
    """

    number: int
    times: int
    role: str
    words: str
    invalid: str
    parameters: tuple[Parameter, ...] | None
    left_out_parameters: int
    request: tuple[Piece, ...]
    in_short: str
    status_line: str
    notes: tuple[str, ...]
    headers: tuple[Piece, ...]
    body: tuple[Piece, ...]


@dataclass(frozen=True)
class Evidence:
    """A finding, to be read: the smallest of `count` alike ones. `others` are the other steps, in order.

    `replay` is the command that sends it again, and `curl` one that shows it alone, empty if none does. `expected` says
    why it is expected; it is empty if it is not.
    """

    id: str
    observed: str
    count: int
    culprit: StepShown
    others: tuple[StepShown, ...]
    left_out_steps: int
    steps: int
    fixtures: tuple[tuple[str, str], ...]
    replay: str
    curl: str
    expected: str = ""


def grouped(findings: Sequence[Finding]) -> list[tuple[Finding, int]]:
    """Return the findings in their order, one of each kind, with the number of that kind.

    Findings of one kind observed the same about the same attempt with the same status.
    """
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        step = culprit_of(finding)
        kind = (finding.observed, step.attempt, step.invalid, step.exchange.status, step.exchange.failure)
        groups.setdefault(kind, []).append(finding)
    return [(alike[0], len(alike)) for alike in groups.values()]


def evidence_of(finding: Finding, count: int, reached: Reached, expected: str = "") -> Evidence:
    """Return the evidence of a finding, of whose kind there are `count`."""
    steps = list(_steps_shown(finding, reached.scheme))
    command = curl_alone(finding, reached)
    culprit = steps.pop(next(place for place, step in enumerate(steps) if step.number == finding.culprit + 1))
    return Evidence(
        id=finding.id,
        observed=finding.observed,
        count=count,
        culprit=culprit,
        others=tuple(steps[:MOST_STEPS]),
        left_out_steps=sum(step.times for step in steps[MOST_STEPS:]),
        steps=len(finding.episode.steps),
        fixtures=tuple(finding.episode.fixtures.items()),
        replay=replay_in_folder(finding.id),
        curl=command if len(command) <= LONGEST_CURL else "",
        expected=expected,
    )


def _steps_shown(finding: Finding, scheme: str) -> Iterator[StepShown]:
    """Yield the steps of a finding, consecutive ones that are alike as one; that which shows it is like no other."""

    def kind(numbered: tuple[int, Step]) -> tuple[object, ...]:
        number, step = numbered
        return (number == finding.culprit, step.role, step.attempt, outcome_in_short(step.exchange))

    for _, alike in groupby(enumerate(finding.episode.steps), kind):
        (number, step), *more = alike
        yield step_shown(step, number + 1, 1 + len(more), scheme)


def step_shown(step: Step, number: int, times: int, scheme: str, longest: Lengths = USUAL) -> StepShown:
    """Return a step, to be read, that was the same `times` consecutive times."""
    exchange = step.exchange
    component = invalid_component(step)
    parameters = _parameters(exchange, component)
    return StepShown(
        number=number,
        times=times,
        role=step.role,
        words=step.attempt,
        invalid=step.invalid,
        parameters=parameters,
        left_out_parameters=max(0, len(exchange.sent_pairs) - MOST_PAIRS),
        request=visible(request_parts(exchange, component, scheme), longest.request),
        in_short=outcome_in_short(exchange),
        status_line=_status_line(exchange),
        notes=tuple(_notes(exchange)),
        headers=_headers(exchange, longest.answer),
        body=_body(exchange, longest.answer),
    )


def text_of(pieces: Iterable[Piece]) -> str:
    """Return pieces as plain text."""
    return "".join(piece.text for piece in pieces)


# what was sent


def invalid_component(step: Step) -> str:
    """Return the parameter, header or part of the request that `step.invalid` names; empty if that was not sent."""
    if not step.invalid:
        return ""
    names = [pair.name.decode("utf-8", "replace") for pair in step.exchange.sent_pairs]
    roots = [parse_name(name).root for name in names]
    headers = [name for name, _ in step.exchange.request.headers]
    known = {*names, *roots, *headers, _METHOD, _PATH, _MEDIA_TYPE, *_CREDENTIALS}
    return max((name for name in known if step.invalid.startswith(f"{name}: ")), key=len, default="")


def _is_form(request: Request) -> bool:
    types = [value for name, value in request.headers if name.lower() == "content-type"]
    return all(value.lower().startswith(FORM_MEDIA_TYPE) for value in types)


def _is_meant(name: bytes, component: str) -> bool:
    text = name.decode("utf-8", "replace")
    return bool(component) and component in (text, parse_name(text).root)


def _parameters(exchange: Exchange, component: str) -> tuple[Parameter, ...] | None:
    if exchange.request.body is None or not _is_form(exchange.request):
        return None
    return tuple(
        Parameter(
            visible([(pair.name, False)], LONGEST_VALUE),
            visible([(pair.value, False)], LONGEST_VALUE),
            _is_meant(pair.name, component),
        )
        for pair in exchange.sent_pairs[:MOST_PAIRS]
    )


def request_parts(exchange: Exchange, component: str, scheme: str = "bearer") -> Iterator[tuple[bytes, bool]]:
    """Yield the request as the bytes of HTTP/1.1, in parts that are marked if they are the invalid component.

    The key is written as `$STRIPE_API_KEY`. Headers that only carry the message (Host, Content-Length) are left out.
    """
    request = exchange.request
    yield request.method.encode("utf-8", "replace"), component == _METHOD
    yield b" ", False
    yield from _target_parts(request.target, component)
    yield b" HTTP/1.1\n", False
    for name, value in _headers_sent(request, scheme):
        yield f"{name}: {value}".encode("utf-8", "replace"), _is_header(name, component)
        yield b"\n", False
    if request.body is not None:
        yield b"\n", False
        yield from _body_parts(exchange, component)


def _is_header(name: str, component: str) -> bool:
    """Return whether the invalid component is the header `name`."""
    if component == _MEDIA_TYPE:
        return name.lower() == "content-type"
    if component in _CREDENTIALS:
        return name == "Authorization"
    return name.lower() == component.lower()


def _headers_sent(request: Request, scheme: str) -> Iterator[tuple[str, str]]:
    is_open = request.credentials in ("key", IN_LOWER_CASE_HEADER)
    credentials = scheme if is_open else request.credentials
    shown = {"bearer": "Bearer $STRIPE_API_KEY", "basic": "Basic base64($STRIPE_API_KEY:)", **OF_THE_KEY}
    if credentials != "none":
        yield "Authorization", shown.get(credentials, credentials)
    yield from request.headers
    if request.adds_coding:
        yield "Transfer-Encoding", "chunked"


def _target_parts(target: str, component: str) -> Iterator[tuple[bytes, bool]]:
    path = target.partition("?")[0]
    is_marked = component == _PATH and path.startswith(PATH_PREFIX) and path.endswith(PATH_SUFFIX)
    begin, end = (len(PATH_PREFIX), len(path) - len(PATH_SUFFIX)) if is_marked else (len(path), len(path))
    data = target.encode("latin-1", "replace")
    yield from ((data[:begin], False), (data[begin:end], True), (data[end:], False))


def _body_parts(exchange: Exchange, component: str) -> Iterator[tuple[bytes, bool]]:
    body = exchange.request.body or b""
    if not component or not _is_form(exchange.request):
        yield body, False
        return
    pairs = iter(exchange.sent_pairs)
    for number, sequence in enumerate(body.split(b"&")):
        if number:
            yield b"&", False
        if sequence:
            yield sequence, _is_meant(next(pairs).name, component)


# what came back


def outcome_in_short(exchange: Exchange) -> str:
    """Return the response in a few words: of a success only the customer."""
    if not exchange.is_success or "customer" not in exchange.object:
        return answer_in_short(exchange, 120)
    shown = customer_id(exchange)
    customer = f"customer {str(shown)[:60]}" if shown else "no customer"
    return f"{exchange.status}, {customer}"


def _status_line(exchange: Exchange) -> str:
    if exchange.status is None:
        return exchange.why_unanswered
    try:
        return f"{exchange.status} {HTTPStatus(exchange.status).phrase}"
    except ValueError:
        return str(exchange.status)


def _notes(exchange: Exchange) -> Iterable[str]:
    if exchange.seconds:
        yield f"after {milliseconds(exchange.seconds)}"
    if exchange.retries:
        yield f"after {exchange.retries} × 429 or 503"
    if exchange.resent:
        yield "on a new connection: the kept one was closed without a response"
    if exchange.leaked_key:
        yield "the response held the API key: it is blotted out here"
    yield from exchange.framing


def milliseconds(seconds: float) -> str:
    """Return a duration to be read, in milliseconds below a second."""
    if seconds >= 1:
        return f"{seconds:.1f}".removesuffix(".0") + "\u00a0s"
    number = f"{seconds * 1000:.0f}" if seconds >= 0.01 else f"{seconds * 1000:.1f}".removesuffix(".0")
    return f"{number}\u00a0ms"


def _headers(exchange: Exchange, longest: int) -> tuple[Piece, ...]:
    headers = exchange.headers or ()
    lines = "\n".join(f"{name}: {value}" for name, value in headers[:MOST_HEADERS])
    shown = visible([(lines.encode("utf-8", "replace"), False)], longest)
    left = len(headers) - MOST_HEADERS
    return (*shown, Piece(f"\n… {left:,} more headers", "cut")) if left > 0 else shown


def _body(exchange: Exchange, longest: int) -> tuple[Piece, ...]:
    body = exchange.body or b""
    readable = body
    if exchange.json.found and len(body) <= LONGEST_INDENTED and body.lstrip()[:1] in (b"{", b"["):
        readable = indent(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    pieces = visible([(readable, False)], longest)
    if pieces and pieces[-1].kind == "cut":
        return (*pieces[:-1], Piece(f"… {len(body):,} bytes in all", "cut"))
    return pieces
