"""The HTML report: a pure function of a run that shows hostile bytes for what they are, and stays small."""

from __future__ import annotations

import random
import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from benchmarks.examples import ERROR, PAYMENT_METHOD, SUCCESS, but, episode, exchange
from benchmarks.runs import SLUGS, finding, run_of_many, run_with, settings
from conformance.evidence.episode import Episode, Finding, Outcome, Step
from conformance.evidence.traffic import Traffic, traffic_of
from conformance.evidence.visible import indent, visible
from conformance.reports.evidence import evidence_of, grouped, invalid_component, request_parts
from conformance.reports.html import MOST_OPEN, chosen_evidence, coded, html_page, html_section
from conformance.reports.plots import bars, histogram, latency_in_words
from conformance.reports.reproduction import Reached
from conformance.reports.words import curl
from conformance.verdict.entries import FINDINGS_KEPT
from conformance.verdict.run import Diagnosis, Run
from meta_tests.capture import capturing
from meta_tests.test_finding_ids import FAILING
from strategies.attempt import Request

KEY = "sk_test_metatests0123456789abcdef"
UNKNOWN = "body.unknown-parameter"
HERE = Reached("http://x")
FULL_RUN = 1_500_000
MANY_FINDINGS = 6_000_000


class Page(HTMLParser):
    """Tags with their attributes, and the text between them, style and script left out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self.text += data

    def rows(self) -> dict[str, dict[str, str | None]]:
        """The rows of the clauses by their slug."""
        has_row = [attrs for _, attrs in self.tags if "cf-row" in (attrs.get("class") or "").split()]
        return {str(attrs["id"]).removeprefix("cf-"): attrs for attrs in has_row}


# the whole


def test_the_same_run_gives_the_same_page() -> None:
    run = run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, SUCCESS))]})
    assert html_page(run) == html_page(run)
    assert html_section(run) == html_section(run)


def test_the_page_and_the_section_for_pytest_html_show_the_same() -> None:
    run = run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, SUCCESS))]})
    start, end = '<main class="cf"', "</main>"
    whole, section = html_page(run), html_section(run)
    assert whole[whole.index(start) : whole.index(end)] == section[section.index(start) : section.index(end)]


def test_every_clause_has_its_row_and_its_tile_with_sign_and_name() -> None:
    run = run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, SUCCESS))]})
    page = Page(html_page(run))
    assert list(page.rows()) == sorted(
        run.results, key=lambda slug: (run.results[slug].outcome is not Outcome.FAIL, _order(run, slug))
    )
    tiles = {attrs["href"]: attrs["aria-label"] for tag, attrs in page.tags if tag == "a" and "aria-label" in attrs}
    assert tiles == {f"#cf-{slug}": f"{slug}: {result.outcome}" for slug, result in run.results.items()}


def _order(run: Run, slug: str) -> tuple[int, int]:
    gravity = [Outcome.NOT_RUN, Outcome.NOT_APPLICABLE, Outcome.PASS]
    outcome = run.results[slug].outcome
    return gravity.index(outcome) if outcome in gravity else -1, list(run.results).index(slug)


def test_nothing_in_it_leads_to_the_network() -> None:
    run = run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, SUCCESS))]})
    for page in (html_page(run), html_section(run)):
        assert Page(page).rows()
        loads = [
            value
            for tag, attrs in Page(page).tags
            for name, value in attrs.items()
            if name in ("src", "srcset", "href") and not (tag == "a" and str(value).startswith("#"))
        ]
        assert not loads
        assert "url(" not in page
        assert "@import" not in page


def test_passing_rows_carry_no_bodies() -> None:
    failing = html_page(run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, SUCCESS))]}))
    page = html_page(run_with())
    for part in ('class="cf-exchange"', "<details"):
        assert part in failing
        assert part not in page


def test_the_verdict_stands_on_top_in_one_sentence() -> None:
    assert "127.0.0.1:8420 conforms to the stripe profile." in Page(html_page(run_with())).text
    broken = run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, SUCCESS))]})
    text = Page(html_page(broken)).text
    assert "127.0.0.1:8420 does not conform to the stripe profile." in text
    assert text.count("Does not conform: 1 clause fails.") == 3
    nothing = replace(run_with(), settings=settings(base_url=None), target="embedded reference")
    assert "The embedded reference conforms to the stripe profile." in Page(html_page(nothing)).text
    known = replace(run_with(), settings=settings(implementation="Mine 1.2"))
    text = Page(html_page(known)).text
    assert "Mine 1.2 conforms to the stripe profile." in text
    assert "Mine 1.2 at http://127.0.0.1:8420" in text


def test_what_was_broken_off_or_rehearsed_or_never_reached_is_not_called_conforming() -> None:
    rehearsed = replace(run_with(), settings=settings(dry_run=True))
    interrupted = replace(run_with(), interrupted=True)
    unreachable = replace(run_with(), diagnosis=Diagnosis("nothing listens there", "start the server"))
    for run in (rehearsed, interrupted, unreachable):
        text = Page(html_page(run)).text
        assert " conforms to the stripe profile." not in text.replace("whether 127.0.0.1:8420 conforms", "")
    text = Page(html_page(unreachable)).text
    assert "127.0.0.1:8420 cannot be tested: nothing listens there." in text
    assert "start the server" in text
    by_url = replace(unreachable, diagnosis=Diagnosis(f"{unreachable.target}: it was refused", "start the server"))
    assert "127.0.0.1:8420 cannot be tested: it was refused." in Page(html_page(by_url)).text


def test_a_clause_that_was_not_run_names_its_root_cause() -> None:
    run = run_with({"error.envelope": [finding("error.envelope", exchange(400, {"no": 1}))]})
    dependants = [slug for slug, result in run.results.items() if result.reason == "see error.envelope"]
    assert dependants
    text = html_page(run)
    assert text.count('Rests on <a href="#cf-error.envelope">') == len(dependants)
    assert f"{len(dependants)} clauses rest on this one and were not run" in text


# hostile answers


HOSTILE = "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;{{ 7*7 }}"


def test_what_a_hostile_server_says_is_shown_and_never_obeyed() -> None:
    answer = exchange(200, HOSTILE.encode(), media_type=f"text/html; {HOSTILE}")
    lost = replace(exchange(None), failure=HOSTILE)
    found = [
        finding(UNKNOWN, answer, answer, observed=HOSTILE, attempt=HOSTILE, invalid=HOSTILE),
        finding(UNKNOWN, lost, observed="lost"),
    ]
    run = run_with({UNKNOWN: found}, provision=HOSTILE, left_over=(HOSTILE,), versions={"suite": HOSTILE})
    plain, hostile = Page(html_page(run_with({UNKNOWN: found[1:]}))), Page(html_page(run))
    assert "alert(1)" in hostile.text
    for tag in ("script", "img"):
        assert sum(name == tag for name, _ in hostile.tags) == sum(name == tag for name, _ in plain.tags)
    assert not [attrs for _, attrs in hostile.tags if "onerror" in attrs]
    assert "{{ 7*7 }}" in hostile.text


def test_bytes_without_a_glyph_and_those_that_move_others_are_written_out() -> None:
    pieces = visible([(b"a\x00\xff\r\n" + "\u202e\u200b\ud7ff".encode() + b"z", False)], 100)
    assert "".join(piece.text for piece in pieces) == "a\\0\\xff\\r\n\\u{202e}\\u{200b}\\u{d7ff}z"
    assert {piece.kind for piece in pieces} == {"plain", "escape"}


@pytest.mark.parametrize("unit", [b"a", b"ab", b"&a=b", "é".encode(), b"\x00"])
def test_a_long_repetition_is_a_unit_and_a_count(unit: bytes) -> None:
    pieces = visible([(b"start-" + unit * 100_000 + b"|end", True)], 300)
    (count,) = [piece for piece in pieces if piece.kind == "count"]
    assert count.text.endswith("× 100,000")
    assert count.marked
    assert pieces[-1].text.endswith("|end")


def test_what_is_cut_is_counted() -> None:
    data = "".join(chr(ord("a") + place % 7) + str(place) for place in range(1000)).encode()
    *shown, cut = visible([(data, False), (b"&more", True)], 50)
    assert cut.kind == "cut"
    left = len(data) + 5 - sum(len(piece.text.encode()) for piece in shown)
    assert cut.text == f"… {left:,} more bytes"


def test_json_is_indented_without_changing_a_string_or_a_number() -> None:
    text = r'{"a":"sk\u005ftest \" {,}", "b":[1.10,-0,[ ],{}] ,"a":null}'
    shown = indent(text)
    assert shown.splitlines()[0:2] == ["{", r'  "a": "sk\u005ftest \" {,}",']
    assert "".join(shown.split()) == "".join(text.split())
    assert indent(shown) == shown


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 5000 + b"]" * 5000,
        b"[1," * 400 + b"[]" + b"]" * 400,
        b'{"a": "' + random.Random(1).randbytes(300_000).hex().encode() + b'"}',
        b"\xff" + random.Random(1).randbytes(300_000),
    ],
    ids=["flat", "deep", "long", "binary"],
)
def test_no_answer_blows_the_page_up(body: bytes) -> None:
    empty = len(html_page(run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, b""))]})))
    page = html_page(run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, body))]}))
    assert len(page) < empty + 60_000
    assert (f"{len(body):,} bytes in all" in page) == (len(body) > 100_000 or body.startswith(b"["))


def test_the_key_is_written_by_no_part_of_it() -> None:
    escaped = KEY.replace("_", "\\u005f").encode()
    sent = exchange(200, b'{"said": "' + escaped + b'"}')
    found = finding(UNKNOWN, replace(sent, request=replace(sent.request, credentials="bearer"), leaked_key=True))
    page = html_page(run_with({UNKNOWN: [found]}))
    assert KEY not in page
    assert "Authorization: Bearer $STRIPE_API_KEY" in page
    assert "the response held the API key" in page


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("`customer` is", "<code>customer</code> is"),
        ("a ` alone <b>", "a ` alone &lt;b&gt;"),
        ("`<i>` and `x", "<code>&lt;i&gt;</code> and `x"),
        ("", ""),
    ],
)
def test_what_stands_between_backticks_is_code(text: str, html: str) -> None:
    assert str(coded(text)) == html


# sizes


def test_a_conforming_run_is_small() -> None:
    assert len(html_page(run_with()).encode()) < FULL_RUN / 10


@pytest.mark.parametrize(
    ("count", "answer", "sent"),
    [
        (2_000, b'{"id": "pm_1", "customer": "cus_1"}', "customer=cus_1&foo=1"),
        (4 * len(SLUGS), random.Random(2).randbytes(20_000), "&".join(f"a{n}=<{n}>" for n in range(300))),
    ],
    ids=["small", "large"],
)
def test_many_findings_fit_and_the_rest_is_counted(count: int, answer: bytes, sent: str) -> None:
    """More of them, or larger ones, are rendered no differently; `benchmarks.large_report` renders ten thousand."""
    run = run_of_many(count, answer, sent)
    page = html_page(run)
    assert len(page.encode()) <= MANY_FINDINGS
    shown = page.count('<section class="cf-evidence"')
    left = sum(
        int(part.split(">")[-1].split()[0].replace(",", "")) for part in page.split(" more failing episode")[:-1]
    )
    assert shown + left == count
    assert len(SLUGS) <= shown <= FINDINGS_KEPT * len(SLUGS)


def test_the_first_finding_of_each_clause_comes_before_the_second_of_any() -> None:
    results = run_of_many(2 * len(SLUGS)).results.values()
    one = sum(len(fragments[0].encode()) for fragments, _ in chosen_evidence(results, HERE).values())
    for budget, expected in ((0, len(SLUGS)), (one, len(SLUGS)), (2 * one, 2 * len(SLUGS))):
        chosen = chosen_evidence(results, HERE, budget)
        assert list(chosen) == list(SLUGS)
        shown = sum(len(fragments) for fragments, _ in chosen.values())
        assert abs(shown - expected) <= 2


def test_what_was_not_run_stands_apart_by_its_cause() -> None:
    run = run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, SUCCESS))]})
    lacking = replace(run.results["expand.accepted"], outcome=Outcome.NOT_RUN, lacks_fixtures=True, reason="no more")
    left_out = replace(run.results["auth.missing"], outcome=Outcome.NOT_RUN, selected=False, reason="not selected")
    page = html_page(replace(run, results={**run.results, "expand.accepted": lacking, "auth.missing": left_out}))
    for heading, slug in (
        (f"Not run: blocked by {UNKNOWN}", f"{UNKNOWN}-nested"),
        ("Not run: fixtures ran out", "expand.accepted"),
        ("Not run: not selected", "auth.missing"),
    ):
        group = page.partition(f"<h3>{heading} ")[2].partition("</section>")[0]
        assert f'id="cf-{slug}"' in group, heading


def test_a_profile_that_was_not_asked_for_has_no_verdict() -> None:
    page = html_page(run_with(settings=settings(profile="contract")))
    assert page.count("No verdict: this profile was not asked for.") == 2
    assert page.count('<section class="cf-card cf-is-not-asked">') == 2
    assert "No verdict" not in html_page(run_with())


def test_an_expected_failure_looks_unlike_a_deviation() -> None:
    page = html_page(run_with())
    grounds = dict(re.findall(r"\.cf \.cf-(expected|deviation) \{ background: var\((--\w+)\)", page))
    assert len(set(grounds.values())) == 2


def test_what_did_not_pass_is_listed_with_the_request_that_shows_it() -> None:
    found = finding(
        UNKNOWN, exchange(200, SUCCESS), attempt="POST with a cookie named `foo`: customer=‹customer› & foo=1"
    )
    page = html_page(run_with({UNKNOWN: [found]}))
    listed = page.partition("What did not pass")[2].partition("</section>")[0]
    assert "POST with a cookie named <code>foo</code>: customer=‹customer› &amp; foo=1" in listed
    assert "named `foo`" not in page.partition("All failures as one script")[0]


def test_what_nobody_asked_for_is_counted_apart_from_what_was_not_run() -> None:
    run = run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, SUCCESS))]})
    left_out = replace(run.results["auth.missing"], outcome=Outcome.NOT_RUN, selected=False, reason="not selected")
    page = html_page(replace(run, results={**run.results, "auth.missing": left_out}))
    legend = page.partition('<p class="cf-legend">')[2].partition("</p>")[0]
    not_run = sum(result.outcome is Outcome.NOT_RUN for result in run.results.values())
    assert f"{not_run} not-run" in legend
    assert "1 not asked for" in legend
    assert 'id="cf-auth.missing" data-outcome="not-asked-for"' in page


def test_what_is_expected_has_one_word() -> None:
    page = html_page(run_with({UNKNOWN: [finding(UNKNOWN, exchange(200, SUCCESS))]}))
    assert "<b>Expected</b> a rejection (4xx)" in page
    assert "dmissible" not in page


# evidence


def test_findings_that_are_alike_are_shown_once_with_their_number() -> None:
    alike = [finding(UNKNOWN, exchange(200, but(SUCCESS, id=f"pm_{number}"))) for number in range(3)]
    other = finding(UNKNOWN, exchange(200, SUCCESS), observed="something else")
    assert [(one.observed, count) for one, count in grouped([*alike, other])] == [
        ("accepted with 200", 3),
        ("something else", 1),
    ]
    page = html_page(run_with({UNKNOWN: alike}))
    assert len(alike) == FINDINGS_KEPT
    assert "3 alike" in page
    assert page.count('<section class="cf-evidence"') == 1


@pytest.mark.parametrize(("count", "is_open"), [(1, True), (MOST_OPEN, True), (MOST_OPEN + 1, False)])
def test_a_few_failures_are_shown_opened(count: int, is_open: bool) -> None:
    found = finding(UNKNOWN, exchange(200, SUCCESS))
    page = html_page(run_with({slug: [replace(found, clause=slug)] for slug in FAILING[:count]}))
    rows = re.findall(r'<details class="cf-row"[^>]*>', page)
    assert len(rows) == count
    assert all(row.endswith(" open>") == is_open for row in rows)


def test_equal_steps_in_a_row_are_shown_once_and_the_culprit_apart() -> None:
    steps = tuple(Step("subject", exchange(status, SUCCESS, seconds=0.1)) for status in (200, 200, 200, 500, 200))
    shown = evidence_of(Finding(UNKNOWN, "answered 500", Episode(UNKNOWN, "accepted", steps), 3), 1, HERE)
    assert (shown.culprit.number, shown.steps) == (4, 5)
    assert [(step.number, step.times) for step in shown.others] == [(1, 3), (5, 1)]


@pytest.mark.parametrize(
    ("sent", "invalid", "marked"),
    [
        ("customer=cus_1&foo=1", "foo: no such property", "foo=1"),
        ("customer=cus_1&ex%70and=customer", "expand: a string", "ex%70and=customer"),
        ("customer%5Ba%5D=b&expand[]=c", "customer[a]: no string", "customer%5Ba%5D=b"),
        ("customer=cus_1", "payment_method: no such id", PAYMENT_METHOD),
        ("customer=cus_1", "method: no method of the operation", "POST"),
        ("customer=cus_1", "Authorization: an unknown key", "Authorization: Bearer $STRIPE_API_KEY"),
        ("customer=cus_1", "Stripe-Version: ill-formed", "Stripe-Version: x"),
        ("expand[]=customer", "customer: `customer` is required and not there", ""),
        ("a: b=1", "a: b: no such property", "a: b=1"),
    ],
)
def test_the_invalid_component_is_marked_in_the_bytes(sent: str, invalid: str, marked: str) -> None:
    one = exchange(200, SUCCESS, sent=sent)
    one = replace(one, request=replace(one.request, headers=(("Stripe-Version", "x"),)))
    component = invalid_component(Step("subject", one, invalid=invalid))
    parts = list(request_parts(one, component))
    assert b"".join(data for data, is_marked in parts if is_marked).decode() == marked
    assert b"".join(data for data, _ in parts).endswith(b"\n\n" + sent.encode())


def test_a_body_that_is_no_form_has_no_parameters() -> None:
    one = exchange(200, SUCCESS, sent='{"customer": "a=b&c"}')
    json = replace(one, request=replace(one.request, headers=(("Content-Type", "application/json"),)))
    found = finding(UNKNOWN, json)
    assert evidence_of(found, 1, HERE).culprit.parameters is None
    assert evidence_of(finding(UNKNOWN, one), 1, HERE).culprit.parameters is not None


@pytest.mark.parametrize(
    ("body", "target"),
    [
        (b"customer=cus_1&foo='\"$HOME`x`\\n!", "/v1/payment_methods/pm_1/attach"),
        (b"customer=" + b"a" * 5001, "/v1/payment_methods/pm_1/attach"),
        (b"customer=\x00\xff\n\r\n", "/v1/payment_methods/pm_1/attach?expand[]=customer"),
        (b"@/etc/passwd", "/v1/payment_methods/pm_1/attach"),
        (b"", "/v1/payment_methods/pm_1/attach"),
        (bytes(range(256)) * 5, "/v1/payment_methods/{pm}/attach"),
    ],
)
def test_the_curl_command_sends_the_same_bytes(body: bytes, target: str) -> None:
    form = (("Content-Type", "application/x-www-form-urlencoded"),)
    with capturing() as capture:
        command = curl(replace(exchange(200), request=Request("POST", target, form, body)), capture.url)
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, env={"STRIPE_API_KEY": KEY, "PATH": "/usr/bin:/bin"}
        )
    assert done.returncode == 0, done.stderr
    (arrived,) = capture.arrived
    assert arrived.body == body
    assert arrived.line == f"POST {target} HTTP/1.1"
    assert KEY not in command


# plots


def test_bars_share_one_scale_and_keep_the_order_of_the_chapters() -> None:
    rejections = [exchange(400, ERROR, seconds=number) for number in range(3)]
    successes = [exchange(200, seconds=number) for number in range(3, 15)]
    rejected = episode("rejected", *rejections, clause="body.customer-required")
    traffic = traffic_of([rejected, episode("accepted", *successes)])
    first, second = bars(traffic, ["request", "expand", "body"])
    assert (first.chapter, second.chapter) == ("request", "body")
    assert [(segment.name, segment.start, segment.width) for segment in first.segments] == [("2xx", 0, 100)]
    assert [(segment.name, segment.start, segment.width) for segment in second.segments] == [("4xx", 0, 25)]


def test_the_histogram_spans_what_occurred_and_no_more() -> None:
    answers = [exchange(200, seconds=duration) for duration in (0.004, 0.0041, 0.04)]
    traffic = traffic_of([episode("accepted", *answers)])
    columns = histogram(traffic)
    assert [column.count for column in columns] == [2, 0, 0, 1]
    assert [column.label.replace("\u00a0", " ") for column in columns] == ["≤ 5 ms", "≤ 10 ms", "≤ 20 ms", "≤ 50 ms"]
    said = latency_in_words(traffic).replace("\u00a0", " ")
    assert said == "Half of the responses came within 5 ms, 95 % within 50 ms, the slowest after 40 ms."
    assert histogram(Traffic()) == ()
    assert latency_in_words(Traffic()) == "No response came."


def test_a_run_without_traffic_is_shown_without_plots() -> None:
    assert "How it answered" not in html_page(replace(run_with(), traffic=Traffic()))
    assert "How it answered" in html_page(run_with())
