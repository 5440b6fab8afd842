"""Runs and findings in words: the headline, the request as a curl line, the response in short."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from conformance.evidence.episode import Finding, Outcome, Step
from conformance.evidence.exchange import Exchange, is_usual
from conformance.evidence.foreign import cut, one_line
from conformance.judge.answers import describe_refusal
from conformance.transport.request import field_line
from conformance.verdict.results import ClauseResult
from conformance.verdict.run import Run
from contracts import Clause
from strategies.attempt import IN_LOWER_CASE_HEADER, Request

LOUD = (Outcome.ERROR, Outcome.FAIL, Outcome.DEVIATION, Outcome.INCONCLUSIVE)
"""The outcomes that a reader must see first, in this order."""

SIGNS = {
    Outcome.PASS: "✓",
    Outcome.DEVIATION: "!",
    Outcome.FAIL: "✗",
    Outcome.NOT_APPLICABLE: "–",
    Outcome.NOT_RUN: "·",
    Outcome.INCONCLUSIVE: "?",
    Outcome.ERROR: "E",
    Outcome.EXPECTED: "~",
}


def target_in_words(run: Run, article: str = "The") -> str:
    """Return the name of the target, as the subject of a sentence; `article` is the one that it may begin with."""
    if run.settings.implementation:
        return run.settings.implementation
    if run.settings.base_url is None:
        return f"{article} embedded reference"
    return run.target.partition("://")[2]


def profile_sentence(run: Run, profile: str) -> str:
    """Return the verdict on one profile in one sentence."""
    words = run.words(profile)
    if run.diagnosis is not None:
        return f"{_capital(words.text)}: {run.diagnosis.what}."
    if run.gate is not None:
        return f"{_capital(str(words))}."
    return f"{_capital(words.text)}: {words.detail}."


def headline(run: Run) -> str:
    """Return the whole report in one sentence."""
    target, profile = target_in_words(run), run.settings.profile
    if run.diagnosis is not None:
        is_named_by_address = run.target.endswith(target)
        what = run.diagnosis.what.removeprefix(f"{run.target}: ") if is_named_by_address else run.diagnosis.what
        return f"{target} cannot be tested: {what}."
    if run.settings.dry_run:
        return f"A rehearsal on the embedded reference: nothing was sent to {run.target}."
    if run.errors and not run.interrupted:
        return f"{_capital(run.errors_in_words)}."
    if run.lacking and not run.interrupted:
        return f"{target} lacks required capabilities: {', '.join(run.lacking)}."
    word = run.word(profile)
    if word == "conforms" and run.is_part_of(profile):
        return f"Nothing failed in the part of the {profile} profile that was run on {target_in_words(run, 'the')}."
    if word == "conforms":
        return f"{target} conforms to the {profile} profile."
    if word == "does-not-conform":
        known = ", as expected" if run.gate is not None and run.gate.is_met else ""
        return f"{target} does not conform to the {profile} profile{known}."
    if word == "not-applicable":
        return f"{target} cannot conform to the {profile} profile: {run.verdicts[profile].reason}."
    the_target = target_in_words(run, "the")
    return f"Inconclusive: could not determine whether {the_target} conforms to the {profile} profile."


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


LONGEST_CURL_BODY = 600
_SHORTEST_RUN = 40
_REPETITION = re.compile(rb"(.{1,12}?)\1{3,}", re.DOTALL)

OF_THE_KEY = {
    "key and junk": "Bearer ${STRIPE_API_KEY}x",
    "key and a word": "Bearer ${STRIPE_API_KEY} x",
    "key in another scheme": "Token ${STRIPE_API_KEY}",
    "key without a scheme": "${STRIPE_API_KEY}",
    "key cut short": "Bearer ${STRIPE_API_KEY%?}",
    "key in another case": (
        "Basic $(printf '%s%s:' ${STRIPE_API_KEY%????????} "
        "$(printf %s ${STRIPE_API_KEY#${STRIPE_API_KEY%????????}} | tr a-zA-Z A-Za-z) | base64 | tr -d '\\n')"
    ),
    "key of another kind": "Bearer $(printf %s $STRIPE_API_KEY | sed 's/^s/x/;s/^r/s/;s/^x/r/')",
    "lower-case bearer": "bearer  ${STRIPE_API_KEY}",
    "lower-case basic": "basic $(printf '%s:' $STRIPE_API_KEY | base64 | tr -d '\\n')",
    "key as password": "Basic $(printf 'nobody:%s' $STRIPE_API_KEY | base64 | tr -d '\\n')",
    "key without a colon": "Basic $(printf %s $STRIPE_API_KEY | base64 | tr -d '\\n')",
    "key with a sign in it": "Basic %$(printf '%s:' $STRIPE_API_KEY | base64 | tr -d '\\n')",
}
"""Credentials that only resemble the key, or are spelled unusually, as a shell writes them."""

_IN_A_SCHEME = {
    "bearer": "Bearer $STRIPE_API_KEY",
    "basic": "Basic $(printf '%s:' $STRIPE_API_KEY | base64 | tr -d '\\n')",
}
"""The key as each scheme shows it, as a shell writes it."""

SENT_BY_CURL = (("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded"))
"""Headers that are left out: the first changes nothing, and curl adds the second itself."""


MOST_HEADERS = 3
LONGEST_HEADER = 40
"""How many headers are named in short, and the most characters of a value; of a longer one, its ends are shown."""
SHOWN_OF_ENDS = 6
"""How many characters are shown of each end."""

LEFT_SHOWN = 3
"""How many objects that are left on a target are named; `results.json` has all of them."""


def first_of(names: Sequence[str], most: int, between: str = ", ") -> str:
    """Return at most the first `most` names in one line, and how many more there are."""
    more = len(names) - most
    named = between.join(names[:most])
    return f"{named} and {more} more" if more > 0 else named


def finding_in_short(result: ClauseResult) -> str:
    """Return one line for a clause that is broken."""
    return f"{result.clause.slug}: {result.reason}"


def curl(exchange: Exchange, base_url: str, program: str = "curl -i", scheme: str = "bearer") -> str:
    """Return a curl command that sends the same request, with the key as `$STRIPE_API_KEY`.

    `scheme` is how the key was shown where the request leaves that open. `program` stands in front. A long body,
    or one that no word of a shell can hold, is written by python3 and piped into curl.
    """
    request = exchange.request
    parts = [*program.split(), *_method_options(request), *authorization(request.credentials, scheme)]
    has_type = any(name.lower() == "content-type" for name, _ in request.headers)
    for name, value in request.headers:
        if name == "User-Agent" and not value:
            parts += ["-H", "'User-Agent:'"]
        elif (name, value) not in SENT_BY_CURL:
            parts += ["-H", shlex.quote(field_line(name, value) if value else f"{name};")]
    if request.body is not None and not has_type:
        parts += ["-H", "'Content-Type:'"]
    if request.adds_coding:
        parts += ["-H", "'Transfer-Encoding: chunked'"]
    parts.append(shlex.quote(base_url + request.target))
    if "[" in request.target or "{" in request.target:
        parts.insert(1, "--globoff")
    if request.body is None:
        return " ".join(parts)

    body = body_for_shell(request.body)
    if body is not None:
        return " ".join([*parts, "--data-binary", body])
    script = f"import sys; sys.stdout.buffer.write({_compact(request.body)})"
    return " ".join(["python3", "-c", shlex.quote(script), "|", *parts, "--data-binary", "@-"])


def _method_options(request: Request) -> list[str]:
    is_default = request.method == "POST" and request.body is not None
    method = [] if is_default else ["-X", request.method]
    return [*method, "--path-as-is"] if request.raw else method


def authorization(credentials: str, scheme: str) -> list[str]:
    """Return the options of curl that show the key; `scheme` is how where the credentials leave that open."""
    shown = scheme if credentials == "key" else credentials
    spelled = {"bearer": _IN_A_SCHEME["bearer"], **OF_THE_KEY}
    match shown:
        case "none":
            return []
        case "basic":
            return ["-u", '"$STRIPE_API_KEY:"']
        case _ if shown == IN_LOWER_CASE_HEADER:
            return ["-H", f'"{field_line("authorization", _IN_A_SCHEME[scheme])}"']
        case _ if shown in spelled:
            return ["-H", f'"Authorization: {spelled[shown]}"']
    return ["-H", shlex.quote(f"Authorization: {shown}")]


def body_for_shell(body: bytes) -> str | None:
    """Return the body as one word of a POSIX shell; None if it is long, or cannot stand or be copied there."""
    has_controls = any(byte < 0x20 and byte != 0x0A for byte in body)
    if len(body) > LONGEST_CURL_BODY or not body.isascii() or has_controls or body.startswith(b"@"):
        return None
    return shlex.quote(body.decode())


def _compact(body: bytes) -> str:
    """Return a Python expression for `body` that writes runs of a repeated unit as a multiplication."""
    parts: list[str] = []
    done = 0
    for match in _REPETITION.finditer(body):
        length = match.end() - match.start()
        if length >= _SHORTEST_RUN:
            parts += [repr(body[done : match.start()]), f"{match[1]!r} * {length // len(match[1])}"]
            done = match.end()
    parts.append(repr(body[done:]))
    return " + ".join(part for part in parts if part != "b''") or "b''"


def answer_in_short(exchange: Exchange, limit: int = 300) -> str:
    """Return the response in one line."""
    return one_line(cut(_answer(exchange, 8 * limit), limit))


def _answer(exchange: Exchange, most_bytes: int) -> str:
    if exchange.status is None:
        return exchange.why_unanswered
    if exchange.error:
        message = message_of(exchange)
        return describe_refusal(exchange) + (f" “{message}”" if message else "")
    body = " ".join((exchange.body or b"")[:most_bytes].decode("utf-8", "replace").split())
    return f"{exchange.status} {body}".rstrip()


def message_of(exchange: Exchange) -> str:
    """Return the message of an error; empty where there is none."""
    message = exchange.error.get("message") if exchange.error else None
    return message if isinstance(message, str) else ""


def request_in_short(exchange: Exchange, limit: int = 300) -> str:
    """Return the request as it was sent, in one line: the method, the URL and the body."""
    request = exchange.request
    body = (request.body or b"").decode("utf-8", "replace")
    return one_line(cut(f"{request.method} {request.target} {body}".rstrip(), limit))


def step_in_short(step: Step) -> str:
    """Return what was attempted in words, with the headers that these words do not name: they may decide the answer."""
    words = step.attempt.lower()
    others = [pair for pair in step.exchange.request.headers if not _is_named(pair, words)]
    shown = [f"{name}: {_ends_of(value)}" for name, value in others]
    return f"{step.attempt} ({first_of(shown, MOST_HEADERS, '; ')})" if shown else step.attempt


def _is_named(header: tuple[str, str], words: str) -> bool:
    """Return whether the words tell of a header, or it stands in every request."""
    name, value = header[0].lower(), header[1].lower()
    return is_usual(header) or name in words or bool(value and value in words)


def _ends_of(value: str) -> str:
    if len(value) <= LONGEST_HEADER:
        return value
    return f"{value[:SHOWN_OF_ENDS]}…{value[-SHOWN_OF_ENDS:]}, {len(value)} characters"


def admissible_in_short(clause: Clause) -> str:
    """Return the admissible responses in one line."""
    return "; or ".join(clause.admissible)


def culprit_of(finding: Finding) -> Step:
    """Return the step that shows a finding."""
    return finding.episode.steps[finding.culprit]
