"""Findings in words: the request as a curl line, the answer in short, and what would have been admissible."""

from __future__ import annotations

import re
import shlex

from conformance.evidence.episode import Finding, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.judge.answers import describe_refusal
from conformance.verdict.ledger import ClauseResult
from conformance.verdict.run import Run
from contracts import Clause

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
    """What was tested, as the subject of a sentence, with the article that it may begin with."""
    if run.settings.implementation:
        return run.settings.implementation
    return f"{article} embedded reference" if run.settings.base_url is None else run.target.partition("://")[2]


def profile_word(run: Run, profile: str) -> str:
    """The verdict on one profile as one word; a run that was broken off proves no conformance."""
    word = run.verdicts[profile].verdict
    if run.diagnosis is not None or (run.interrupted and word == "conforms"):
        return "inconclusive"
    return word


def profile_sentence(run: Run, profile: str) -> str:
    """The verdict on one profile in one sentence."""
    if run.gate is not None and run.diagnosis is None:
        words = run.words(profile)
        return f"{words[0].upper()}{words[1:]}."
    reason = str(run.diagnosis.what) if run.diagnosis is not None else run.verdicts[profile].reason
    word = profile_word(run, profile).replace("-", " ")
    return f"{word[0].upper()}{word[1:]}: {reason}."


def headline(run: Run) -> str:
    """The whole report in one sentence."""
    if run.diagnosis is not None:
        return f"{target_in_words(run)} cannot be tested: {run.diagnosis.what}."
    if run.settings.dry_run:
        return f"A rehearsal on the embedded reference: nothing was sent to {run.target}."
    if run.errors and not run.interrupted:
        return f"{run.errors_in_words[0].upper()}{run.errors_in_words[1:]}."
    target, profile = target_in_words(run), run.settings.profile
    if run.lacking and not run.interrupted:
        return f"{target} lacks what was required: {', '.join(run.lacking)}."
    match profile_word(run, profile):
        case "conforms":
            return f"{target} conforms to the {profile} profile."
        case "does-not-conform":
            known = ", as expected" if run.gate is not None and run.gate.is_met else ""
            return f"{target} does not conform to the {profile} profile{known}."
        case "not-applicable":
            return f"{target} cannot conform to the {profile} profile: {run.verdicts[profile].reason}."
    return f"It stays open whether {target_in_words(run, 'the')} conforms to the {profile} profile."


LONGEST_CURL_BODY = 600
_SHORTEST_RUN = 40
_REPETITION = re.compile(rb"(.{1,12}?)\1{3,}", re.DOTALL)

OF_THE_KEY = {
    "key and junk": "Bearer ${STRIPE_API_KEY}x",
    "key in another scheme": "Token ${STRIPE_API_KEY}",
    "key cut short": "Bearer ${STRIPE_API_KEY%?}",
    "key in another case": (
        "Bearer ${STRIPE_API_KEY%????????}$(printf %s ${STRIPE_API_KEY#${STRIPE_API_KEY%????????}} | tr a-zA-Z A-Za-z)"
    ),
    "key as password": "Basic $(printf 'nobody:%s' $STRIPE_API_KEY | base64 | tr -d '\\n')",
}
"""What only resembles the key, as a shell writes it."""


def finding_in_short(result: ClauseResult) -> str:
    """One line for a clause that is broken."""
    return f"{result.clause.slug}: {result.reason}"


def curl(exchange: Exchange, base_url: str, program: str = "curl -i") -> str:
    """A curl command that sends the same request, with the key as `$STRIPE_API_KEY`; `program` is what stands first.

    A body that is long, or that no word of a shell can hold, is written by python3 and piped into curl.
    """
    request = exchange.request
    parts = program.split()
    if request.method != "POST" or request.body is None:
        parts += ["-X", request.method]
    if request.raw:
        parts.append("--path-as-is")
    if request.credentials in ("key", "basic"):
        parts += ["-u", '"$STRIPE_API_KEY:"']
    elif request.credentials in OF_THE_KEY:
        parts += ["-H", f'"Authorization: {OF_THE_KEY[request.credentials]}"']
    elif request.credentials == "bearer":
        parts += ["-H", '"Authorization: Bearer $STRIPE_API_KEY"']
    elif request.credentials != "none":
        parts += ["-H", shlex.quote(f"Authorization: {request.credentials}")]
    has_type = False
    for name, value in request.headers:
        has_type |= name.lower() == "content-type"
        is_default = (name, value) in (
            ("Accept", "application/json"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        )
        if not is_default:
            parts += ["-H", shlex.quote(f"{name}: {value}" if value else f"{name};")]
    if request.body is not None and not has_type:
        parts += ["-H", "'Content-Type:'"]
    if request.chunked:
        parts += ["-H", "'Transfer-Encoding: chunked'"]
    parts.append(shlex.quote(base_url + request.target))
    if "[" in request.target or "{" in request.target:
        parts.insert(1, "--globoff")
    if request.body is None:
        return " ".join(parts)
    written = body_for_shell(request.body)
    if written is None:
        script = f"import sys; sys.stdout.buffer.write({_compact(request.body)})"
        return " ".join(["python3", "-c", shlex.quote(script), "|", *parts, "--data-binary", "@-"])
    return " ".join([*parts, "--data-binary", written])


def body_for_shell(body: bytes) -> str | None:
    """The body as one word of a POSIX shell; None where it is long, or holds what a word or a copy of it cannot."""
    has_controls = any(byte < 0x20 and byte != 0x0A for byte in body)
    if len(body) > LONGEST_CURL_BODY or not body.isascii() or has_controls or body.startswith(b"@"):
        return None
    return shlex.quote(body.decode())


def _compact(body: bytes) -> str:
    """A Python expression for `body` that writes runs of a repeated unit as a multiplication."""
    parts: list[str] = []
    done = 0
    for match in _REPETITION.finditer(body):
        if match.end() - match.start() >= _SHORTEST_RUN:
            parts += [repr(body[done : match.start()])] * (match.start() > done)
            parts.append(f"{match[1]!r} * {(match.end() - match.start()) // len(match[1])}")
            done = match.end()
    return " + ".join(parts + [repr(body[done:])] * (done < len(body) or not parts))


def answer_in_short(exchange: Exchange, limit: int = 300) -> str:
    """The answer in one line."""
    if exchange.status is None:
        return _cut(exchange.why_unanswered, limit)
    if exchange.error:
        message = exchange.error.get("message")
        said = f" “{message}”" if isinstance(message, str) else ""
        return _cut(describe_refusal(exchange) + said, limit)
    body = " ".join((exchange.body or b"")[: 8 * limit].decode("utf-8", "replace").split())
    return _cut(f"{exchange.status} {body}".rstrip(), limit)


def admissible_in_short(clause: Clause) -> str:
    """What would have been admissible, in one line."""
    return " or ".join(clause.admissible)


def culprit_of(finding: Finding) -> Step:
    """The step that shows a finding."""
    return finding.episode.steps[finding.culprit]


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
