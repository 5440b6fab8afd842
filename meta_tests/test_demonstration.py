"""The gate in another project's repository, added by following the document only, with localstripe as its server."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.paths import SUITE
from meta_tests.commands import Block, Workplace, scripts_of
from meta_tests.launcher import serving

PAGE = SUITE / "docs" / "gate.md"
KNOWN = (
    "request.json-refused",
    "body.unknown-parameter",
    "error.envelope",
    "error.status-class",
    "expand.duplicates",
    "robustness.invalid-utf8",
    "robustness.no-media-type",
)
"""Clauses that localstripe breaks; those that it keeps are tested by the gate that `.ci/run` runs."""
CLAUSES = (*KNOWN, "request.minimal-body", "body.customer-required", "response.object", "expand.accepted")

SERVER = '''\
"""The project's server: localstripe, on loopback, worse or better by the files that lie beside this one."""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["TMPDIR"] = tempfile.mkdtemp()  # localstripe keeps its state in the temporary folder
tempfile.tempdir = None

from aiohttp import web
from localstripe import errors, resources

HERE = Path(__file__).parent


def tolerant(attach):
    """Ignores what it does not know; an `expand` that cannot be read is refused as before."""

    def handler(id, customer=None, **unknown):
        return attach(id=id, customer=customer, **{name: unknown[name] for name in unknown if "expand" in name})

    return handler


if (HERE / "regression").exists():
    resources.extra_apis[:] = [
        (method, path, tolerant(handler) if path.endswith("/{id}/attach") else handler)
        for method, path, handler in resources.extra_apis
    ]

from localstripe import server

if (HERE / "repaired").exists():
    read = server.get_post_data

    async def read_forms_only(request, **options):
        """Reject JSON of any media type."""
        try:
            await request.json()
        except json.JSONDecodeError:
            return await read(request, **options)
        raise errors.UserError(400, "Invalid request")

    server.get_post_data = read_forms_only

web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A repository that holds nothing but a server."""
    folder = tmp_path_factory.mktemp("demonstration")
    place = Workplace(folder, folder / "socket", clauses=CLAUSES)
    (place.project / "server.py").write_text(SERVER)
    with serving(place.socket):
        yield place


def done(place: Workplace, block: Block, before: str = "") -> subprocess.CompletedProcess[str]:
    return place.run(before + block.text)


@pytest.mark.long
def test_a_gate_from_the_document_to_a_regression_and_a_fix(place: Workplace) -> None:
    scripts = scripts_of(PAGE)
    (kept,) = [block for block in scripts if block.file]
    installing, first_look, gate, proposing_anew, before_a_push = [block for block in scripts if not block.file]
    project: Path = place.project

    assert done(place, installing).returncode == 0
    looked = done(
        place,
        first_look,
        "python3 server.py 8420 & curl -s --retry 30 --retry-delay 1 --retry-all-errors http://127.0.0.1:8420/\n",
    )
    assert looked.returncode == first_look.status == 1, looked.stdout
    place.keep(kept)

    known = listed(project)
    assert "body.unknown-parameter" in known, "localstripe takes a parameter `id`, and no other that it does not know"
    assert "request.json-refused" in known

    green = done(place, gate)
    assert green.returncode == 0, green.stdout
    count = len(known)
    assert f"contract: does not conform, as expected ({count} expected failures; only a part was run: " in green.stdout
    assert f"conformance.toml: as expected ({count} expected failures)" in green.stdout

    (project / "regression").touch()
    worse = done(place, gate)
    assert worse.returncode == 1, worse.stdout
    assert "  unexpected: body.unknown-parameter: accepted with 200" in worse.stdout
    assert f"conformance.toml: not as expected (1 unexpected failure, {count - 1} expected failures)" in worse.stdout
    (project / "regression").unlink()

    (project / "repaired").touch()
    better = done(place, gate)
    assert better.returncode == 1, better.stdout
    lines = (project / "conformance.toml").read_text().splitlines()
    line = lines.index('clause = "request.json-refused"')
    start = max(number for number in range(line) if lines[number] == "[[expected]]") + 1
    assert f"conformance.toml:{start}: request.json-refused is fixed: remove it" in better.stdout

    proposed = done(place, proposing_anew)
    assert proposed.returncode == proposing_anew.status, proposed.stdout
    assert listed(project) == known - {"request.json-refused"}
    green = done(place, before_a_push)
    assert green.returncode == 0, green.stdout
    assert "conformance.toml: as expected (" in green.stdout


def listed(project: Path) -> set[str]:
    """The clauses that the project's expectations file lists."""
    return {entry["clause"] for entry in tomllib.loads((project / "conformance.toml").read_text())["expected"]}
