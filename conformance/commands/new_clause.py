"""`attach-conformance new-clause`: skeletons for a new clause, in every place that needs one."""

from __future__ import annotations

import argparse
import re

from conformance.paths import SUITE, program_here
from conformance.verdict.misuse import Misuse
from conformance.verdict.run import ExitStatus
from contracts import load_catalogue
from contracts.catalogue import PROFILES

SLUG = re.compile(r"[a-z][a-z0-9]*\.[a-z][a-z0-9-]*")

CLAUSE = """
[[clause]]
slug = "{slug}"
profile = "{profile}"
level = "{level}"
statement = "TODO: one obligation, in one sentence."
source = "TODO: published operation, recorded, documented, or a standard with its section"
requires = ["request.minimal-body"]
admissible = ["TODO: what conforms"]
"""

TEST = '''

@clause("{slug}")
def test_{name}(scene: Scene) -> None:
    """TODO: the clause in one sentence, and why a client depends on it."""
    scene.expect(judge.accepted, scene.sample(MINIMAL))
'''

NEW_CHAPTER = '''"""TODO: what this chapter is about."""

from __future__ import annotations

from conformance import judge
from conformance.scenes.marks import clause
from conformance.scenes.scene import Scene
from strategies.valid import MINIMAL
'''

NEXT = """still to do, in this order (docs/adding-a-clause.md has an example):
  1. {requirements}: statement, source, requires, admissible
  2. {test}: the story, and what it expects; a new expectation goes into conformance/judge/
  3. reference/defects/: a defect that breaks the clause alone; reference/variants/: another way to conform, if any
  4. attach-conformance docs
  5. pytest --clause {slug} --profile {profile}
  6. python -m benchmarks.detection --only DEFECT (and --only each older defect that breaks the clause, too)
  7. python -m benchmarks.detection --store --lacking, again with --budget quick, and benchmarks.detection_page"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `new-clause`."""
    command = commands.add_parser(
        "new-clause",
        help="write the skeletons of a new clause",
        description="Write the skeletons of a new clause into the catalogue and into the tests of its chapter.",
        epilog=f"example: {program_here()} new-clause header.no-cookie --level SHOULD",
    )
    command.add_argument("slug", metavar="CHAPTER.NAME", help="the clause's slug, such as header.no-cookie")
    command.add_argument("--profile", choices=PROFILES, default=PROFILES[0], help="(default: %(default)s)")
    command.add_argument("--level", choices=("MUST", "SHOULD", "MAY"), default="SHOULD", help="(default: %(default)s)")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    problem = _problem_with(options.slug)
    if problem:
        raise Misuse(f"new-clause {options.slug}: {problem}")
    chapter, _, name = options.slug.partition(".")
    requirements = SUITE / "contracts" / "requirements.toml"
    test = SUITE / "tests" / f"test_{chapter}.py"
    entry = CLAUSE.format(slug=options.slug, profile=options.profile, level=options.level)
    requirements.write_text(_insert(requirements.read_text(encoding="utf-8"), entry, chapter, options.profile))
    story = TEST.format(slug=options.slug, name=name.replace("-", "_"))
    before = test.read_text(encoding="utf-8") if test.exists() else NEW_CHAPTER
    test.write_text(_with_import(before).rstrip("\n") + "\n" + story, encoding="utf-8")
    places = {"requirements": str(requirements.relative_to(SUITE)), "test": str(test.relative_to(SUITE))}
    print(f"written: {places['requirements']} and {places['test']}")
    print(NEXT.format(slug=options.slug, profile=options.profile, **places))
    return ExitStatus.CONFORMS


def _problem_with(slug: str) -> str:
    """Return why this cannot be the slug of a new clause; empty where it can."""
    if not SLUG.fullmatch(slug):
        return "a slug has the form chapter.name, in lower-case letters, digits and hyphens"
    return "there is such a clause already" if slug in load_catalogue() else ""


def _insert(text: str, entry: str, chapter: str, profile: str) -> str:
    """Return the catalogue with the entry behind the last clause of its chapter and profile, or else of its profile."""
    tables = list(re.finditer(r'^\[\[clause\]\]\nslug = "(\w+)\.[^"]*"\nprofile = "(\w+)"\n(?:[^\n]+\n)*', text, re.M))
    of_profile = [table for table in tables if table[2] == profile]
    alike = [table for table in of_profile if table[1] == chapter]
    place = (alike or of_profile)[-1].end()
    return text[:place] + entry + text[place:]


def _with_import(text: str) -> str:
    """Return a chapter of tests that imports the attempt of the skeleton, behind its other imports."""
    if re.search(r"^from strategies.*\bMINIMAL\b|^    MINIMAL,$", text, re.MULTILINE):
        return text
    last = list(re.finditer(r"^from \S+ import (?:\([^)]*\)|[^\n]*)\n", text, re.MULTILINE))[-1]
    return f"{text[: last.end()]}from strategies.valid import MINIMAL\n{text[last.end() :]}"
