"""The API key is in no file and no output, however a run ends, and in nothing that is made of its record."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.key_traces import contents, forms_of, shown
from benchmarks.suite import Job, run_all
from conformance.__main__ import main
from conformance.evidence.secret import BLOT, Secret
from conformance.reports.rendering import FORMS
from conformance.verdict.record import RECORD_FILE, Record
from conformance.verdict.settings import KEY_VARIABLE
from meta_tests.needles import running_with
from meta_tests.test_bundle_files import write_keys
from reference.behaviour import Behaviour
from reference.call import Call
from reference.changes import edit_response
from reference.wire.server import Server
from reference.wire.values import Response

KEY = "sk_test_h7Qx2LmZ9vRb4TnKc8WsJd5Y"
BASIC = base64.b64encode(f"{KEY}:".encode()).decode()
SPELLINGS = (KEY, BASIC, base64.b64encode(f"Bearer {KEY}".encode()).decode(), KEY.replace("_", "%5F"))
TOO_LITTLE_MASKED = (f"{KEY[:-4]}****", f"****{KEY[8:]}", f"{KEY[:20]}…")
LEAKING = "error.no-secrets"
NO_UTF_8 = b"\xff\xfe"
SHOWING = ("-vv", "--showlocals", "--tb=long", "-rA", "--full-trace", "--log-level=DEBUG")
CONTRACT = ("--profile=contract",)
QUICK = (*CONTRACT, "--budget=quick", "-k", "test_request or test_auth")
REQUESTS_BEFORE = 40
"""How many requests a run sends before something happens to it."""


def quoting(behaviour: Behaviour) -> None:
    """Refusals quote the Authorization header, as it came and in other spellings; all else masks the key too little."""

    def quote(call: Call, response: Response) -> Response:
        sent = call.request.header("authorization") or ""
        quoted = " ".join((sent, *(SPELLINGS if KEY in sent else ())))
        try:
            document = json.loads(response.body)
            document["error"]["message"] += f" (Authorization: {quoted})"
            body = json.dumps(document).encode()
        except (ValueError, KeyError):
            body = response.body
        if call.request.method != "POST":
            return replace(response, body=NO_UTF_8 + " ".join(TOO_LITTLE_MASKED).encode())
        return replace(response, body=body, headers=(*response.headers, ("X-Sent", quoted)))

    def mask_too_little(_: Call, response: Response) -> Response:
        return replace(response, headers=(*response.headers, ("X-Key", " ".join(TOO_LITTLE_MASKED))))

    edit_response(quote, success=False)(behaviour)
    edit_response(mask_too_little, success=True)(behaviour)


def dying(server: Server) -> None:
    """The server ends in the middle of a run."""
    serve, left = server.world.behaviour.serve, iter(range(REQUESTS_BEFORE))

    def serve_or_end(call: Call) -> Response:
        if next(left, None) is None:
            threading.Thread(target=server.stop).start()
        return serve(call)

    server.world.behaviour.serve = serve_or_end


@dataclass(frozen=True)
class Left:
    """The traces of a run or a command: its folder, its output, and its exit status."""

    folder: Path
    shown: str
    status: int

    @property
    def record(self) -> Path:
        return self.folder / RECORD_FILE


STATUSES = {
    "passing": 0,
    "failing": 1,
    "killed": 1,
    "interrupted": 2,
    "of two workers": 3,
    "ended at once": 3,
}
"""The runs by name, and how each ends."""


def jobs_with(urls: Mapping[str, str], folder: Path) -> Iterator[Job]:
    """The runs, each with results of its own."""
    stumbling = ("-p", "meta_tests.stumbling")
    arguments: Mapping[str, Sequence[str]] = {
        "passing": (*CONTRACT, "--clause=request.minimal-body"),
        "failing": (*CONTRACT, f"--write-expectations={folder / 'proposed.toml'}"),
        "killed": QUICK,
        "interrupted": (*QUICK, *stumbling, f"--stumble=interrupt:{REQUESTS_BEFORE}"),
        "of two workers": (*QUICK, *stumbling, f"--stumble=fault:{REQUESTS_BEFORE // 2}", "-n2"),
        "ended at once": (*QUICK, *stumbling, "--stumble=fault:1", f"--debug={folder / 'debug.log'}"),
    }
    for name, options in arguments.items():
        of_job = (*SHOWING, *options, f"--results={folder / name}", f"--api-key={KEY}")
        yield Job(name, base_url=urls.get(name, urls["failing"]), arguments=of_job, html=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_with(quoting, api_key=KEY) as server:
        yield server


@pytest.fixture(scope="module")
def runs(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Left]:
    """Runs that end in all kinds of ways, on servers that give the key away; what they leave is below one folder."""
    folder = tmp_path_factory.mktemp("runs")
    with contextlib.ExitStack() as stack:
        good, mortal = (stack.enter_context(running_with(needle, api_key=KEY)) for needle in (None, quoting))
        dying(mortal)
        urls = {"passing": good.url, "killed": mortal.url, "failing": server.url}
        done = run_all(jobs_with(urls, folder))
        return {one.job.name: Left(folder / one.job.name, one.output, one.status) for one in done}


@pytest.fixture(scope="module")
def command(server: Server) -> Iterator[Callable[..., Left]]:
    """Runs `python -m conformance …` in this process, with the key in the environment."""

    def run(folder: Path, *arguments: object) -> Left:
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            status = main([str(argument) for argument in arguments])
        return Left(folder, output.getvalue(), status)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, KEY)
        yield run


def assert_nothing_shows(left: Left) -> None:
    found = {name: shown(content, KEY) for name, content in contents(left.folder)}
    found["(shown)"] = shown(left.shown.encode(), KEY)
    assert not {name: part for name, part in found.items() if part}


# runs


@pytest.mark.parametrize("name", STATUSES)
def test_the_key_is_nowhere_however_a_run_ends(name: str, runs: Mapping[str, Left]) -> None:
    left = runs[name]
    assert left.status == STATUSES[name], left.shown
    if name != "ended at once":
        assert {path.name for path in left.folder.iterdir()} >= {"report.html", "junit.xml", "results.json"}
    assert_nothing_shows(left)


def test_the_key_is_nowhere_beside_the_results(runs: Mapping[str, Left]) -> None:
    """In the expectations that were proposed, and in pytest's own log of what it does."""
    folder = runs["failing"].folder.parent
    assert (folder / "proposed.toml").exists()
    assert (folder / "debug.log").exists()
    assert_nothing_shows(Left(folder, "", 0))


def test_the_runs_had_something_to_hide(runs: Mapping[str, Left]) -> None:
    record = runs["failing"].record.read_text()
    assert Record.of(record.encode()).outcomes[LEAKING] == "fail"
    assert record.count(BLOT) > 1000
    assert f"Authorization: Bearer {BLOT}" in runs["failing"].shown
    assert all(BLOT in runs[name].shown for name in ("interrupted", "of two workers", "ended at once")), (
        "the locals are shown"
    )
    assert f"****{'*' * 24}" in record, "what was masked too little"
    assert "INTERNALERROR> " in runs["ended at once"].shown


# what is made of their records


def test_the_key_is_in_nothing_that_is_rendered(
    runs: Mapping[str, Left], command: Callable[..., Left], tmp_path: Path
) -> None:
    left = command(tmp_path, "render", runs["failing"].record, "--to", tmp_path)
    assert left.status == 0, left.shown
    assert {path.name for path in tmp_path.iterdir()} == {form.file for form in FORMS.values()}
    assert_nothing_shows(left)


def test_the_key_is_in_no_certificate(runs: Mapping[str, Left], command: Callable[..., Left], tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    private, _ = write_keys(tmp_path / "keys", Ed25519PrivateKey.generate())
    named = ("--product", "mock", "--version", "1", "--key", private, "--out", tmp_path / "bundle.zip")
    left = command(tmp_path, "certify", runs["failing"].record, *named)
    assert left.status == 0, left.shown
    assert f"bundle.zip/{RECORD_FILE}" in dict(contents(tmp_path))
    assert_nothing_shows(left)


def test_the_key_is_in_no_comparison(runs: Mapping[str, Left], command: Callable[..., Left], tmp_path: Path) -> None:
    pages = ("--html", tmp_path / "page.html", "--markdown", tmp_path / "page.md")
    left = command(tmp_path, "compare", runs["failing"].record, runs["passing"].record, *pages)
    assert left.status == 1, left.shown
    assert_nothing_shows(left)


def test_the_key_is_not_told_by_replaying(
    runs: Mapping[str, Left], command: Callable[..., Left], server: Server, tmp_path: Path
) -> None:
    finding, *_ = json.loads((runs["failing"].folder / "results.json").read_text())["clauses"][LEAKING]["findings"]
    left = command(tmp_path, "replay", finding["id"], "--record", runs["failing"].record, "--base-url", server.url)
    assert left.status == 1, left.shown
    assert "still fails" in left.shown
    assert BLOT in left.shown
    assert_nothing_shows(left)


# what finds it, and what takes it out


@pytest.mark.parametrize("form", list(forms_of(KEY)), ids=range(6))
def test_the_guard_sees_every_form_and_half_of_it(form: bytes) -> None:
    assert shown(b"(" + form + b")", KEY)
    assert shown(form[: len(form) // 2 + 2], KEY)
    assert not shown(form[: len(form) // 2], KEY)


@pytest.mark.parametrize("text", [*SPELLINGS, *TOO_LITTLE_MASKED, KEY[:-1], KEY[1:], f"{KEY}{KEY}", f"x{KEY}x"])
def test_no_form_of_the_key_is_left(text: str) -> None:
    secret = Secret(KEY)
    assert not shown(secret.blotted(f"a {text} b").encode(), KEY)
    assert not shown(secret.blotted_bytes(NO_UTF_8 + text.encode()), KEY)
    is_masked = text in TOO_LITTLE_MASKED
    assert secret.stands_in(text.encode()) != is_masked, "half a key is blotted out, and is no finding"
    assert not is_masked or len(secret.blotted(text)) == len(text)


@pytest.mark.parametrize("text", ["sk_test_************dJ5Y", f"{KEY[:12]}****{KEY[-4:]}", KEY[8:20], "sk_test_"])
def test_a_key_that_is_masked_stays_as_it_is(text: str) -> None:
    assert Secret(KEY).blotted(text) == text
    assert not Secret(KEY).stands_in(text.encode())


def test_a_key_that_is_an_ordinary_word_spoils_no_record() -> None:
    assert Secret("test").blotted('{"test": "request"}') == '{"test": "request"}'
    assert Secret("sk_test_abc").blotted(f"Basic {BASIC} sk_test_xyz") == f"Basic {BASIC} sk_test_xyz"
    assert Secret("sk_test_abc").blotted('{"test": "sk_test_abc"}') == f'{{"test": "{BLOT}"}}'
