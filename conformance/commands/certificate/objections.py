"""The reasons to refuse a bundle, by their codes, and the exit status that follows from each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import groupby

from conformance.verdict.run import ExitStatus

MOST_SHOWN = 5
"""How many objections with the same code are shown one by one."""


class Kind(Enum):
    """The result for a bundle with an objection, the gravest first."""

    FORGED = "forged"
    DIFFERENT = "different"
    NOT_COMPARED = "not compared"
    EXPIRED = "expired"
    NOT_CONFORMING = "not conforming"

    @property
    def exit_status(self) -> ExitStatus:
        """Return the status with which `verify` ends."""
        return ExitStatus[self.name]


REASONS: Mapping[str, tuple[Kind, str]] = {
    # the files
    "absolute-path": (Kind.FORGED, "a file in the zip file has an absolute path"),
    "path-traversal": (Kind.FORGED, "a file in the zip file has a path that leads out of it"),
    "odd-name": (Kind.FORGED, "a file has a name that no bundle uses, or is a folder"),
    "duplicate-name": (Kind.FORGED, "two files of the zip file have one name"),
    "symlink": (Kind.FORGED, "a file is a symbolic link"),
    "no-file": (Kind.FORGED, "what should be a file is a folder or a device"),
    "too-many-files": (Kind.FORGED, "there are more files than any bundle has"),
    "too-large": (Kind.FORGED, "there is more data than any bundle has, as in a zip bomb"),
    "encrypted": (Kind.FORGED, "a file of the zip file is encrypted"),
    "hidden-data": (Kind.FORGED, "the zip file holds data beside its files"),
    "damaged": (Kind.FORGED, "the zip file is damaged, cut off, or none at all"),
    "missing-file": (Kind.FORGED, "a file that every bundle has is missing"),
    "extra-file": (Kind.FORGED, "there is a file that no bundle has"),
    "manifest": (
        Kind.FORGED,
        "the manifest is malformed, names other files, or a file has another SHA-256 than it says",
    ),
    "target": (Kind.FORGED, "`target.json` is malformed, or says something else than the record"),
    # the statements
    "malformed": (Kind.FORGED, "a line of the certificate is no DSSE envelope around an in-toto statement"),
    "signature": (Kind.FORGED, "a statement is not signed with the key that the checker pinned"),
    "statements": (Kind.FORGED, "a statement is missing, doubled or unknown, or lacks a member"),
    "subjects": (Kind.FORGED, "a statement is about another manifest or another target"),
    # the evidence
    "record": (Kind.FORGED, "the record is cut off, edited, or not of the published schema"),
    "episodes": (Kind.FORGED, "an episode is there twice, out of order, or of another run"),
    "plan": (Kind.FORGED, "a request that suite, seed and options plan is not in the record"),
    "request": (Kind.FORGED, "a recorded request is not the one that its attempt makes"),
    "times": (Kind.FORGED, "the times contradict each other, the run, or the answers' own Date headers"),
    "lengths": (Kind.FORGED, "an answer has another length than its Content-Length says"),
    "ids": (Kind.FORGED, "ids do not recur as they must: of created objects, of requests"),
    "another-target": (Kind.FORGED, "an episode was recorded at another kind of target than the header says"),
    "product": (Kind.FORGED, "the product's name, version or digest is none, or the validity longer than any"),
    "summary": (Kind.FORGED, "the certifier's summary says something else than the statements that it is about"),
    # what it says
    "outcome": (Kind.DIFFERENT, "judged again, the episodes lead to other outcomes than those that are stated"),
    "statement": (Kind.DIFFERENT, "a statement says something else than the record that it is about"),
    "suite": (Kind.DIFFERENT, "it was made by another version of the suite: check it with that one"),
    "contract": (Kind.DIFFERENT, "it was made with another contract"),
    "catalogue": (Kind.DIFFERENT, "it was made with another catalogue of clauses"),
    "other-product": (Kind.DIFFERENT, "it is of another product, or another version, than the checker asks for"),
    "nonce": (Kind.DIFFERENT, "its seed is not the nonce that the checker gave"),
    "answers": (Kind.DIFFERENT, "the target that was asked again answers otherwise"),
    "not-compared": (
        Kind.NOT_COMPARED,
        "the target that was asked again gave no answer: it is dead, throttles for ever, or times out",
    ),
    "expired": (Kind.EXPIRED, "its validity has ended"),
    "not-yet-valid": (Kind.EXPIRED, "its validity has not begun"),
    # what it proves
    "level": (Kind.NOT_CONFORMING, "it was judged at a lower level than the checker asks for"),
    "profile": (Kind.NOT_CONFORMING, "it is for a smaller profile than the checker asks for"),
    "budget": (Kind.NOT_CONFORMING, "less was sent than the standard budget sends"),
    "exploration": (
        Kind.NOT_CONFORMING,
        "it is of an exploration, which is random and has no plan that can be drawn again",
    ),
    "selection": (Kind.NOT_CONFORMING, "only a part of the suite was run: -k, -m, -x or single files"),
    "workers": (Kind.NOT_CONFORMING, "several workers ran it, each with a plan of its own: run it again without `-n`"),
    "expectations": (Kind.NOT_CONFORMING, "failures were expected, and so not counted"),
    "inconclusive": (Kind.NOT_CONFORMING, "a clause could not be judged, or the run was interrupted"),
}
"""Every reason to refuse a bundle: the kind of refusal, and what the reason means."""


@dataclass(frozen=True)
class Objection:
    """One reason to refuse a bundle: its `code` in REASONS, and what was found, in words."""

    code: str
    text: str

    @property
    def kind(self) -> Kind:
        """Return the kind of refusal."""
        return REASONS[self.code][0]

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


def in_short(objections: Iterable[Objection]) -> Iterator[tuple[Kind, str]]:
    """Yield the objections in the order of the reasons, with their kinds: the first of each code, and how many more."""
    codes = list(REASONS)
    ordered = sorted(objections, key=lambda objection: codes.index(objection.code))
    for code, of_code in groupby(ordered, lambda objection: objection.code):
        same = list(of_code)
        kind = REASONS[code][0]
        yield from ((kind, str(objection)) for objection in same[:MOST_SHOWN])
        if len(same) > MOST_SHOWN:
            yield kind, f"{code}: and {len(same) - MOST_SHOWN} more"


class Refused(ValueError):
    """A bundle or a record that cannot be checked any further, with the `objections` to it."""

    def __init__(self, objections: Iterable[Objection]) -> None:
        self.objections = tuple(objections)
        super().__init__("\n".join(map(str, self.objections)))


def refuse_for(objections: Iterable[Objection]) -> None:
    """Raise Refused if there are any objections."""
    found = tuple(objections)
    if found:
        raise Refused(found)


def gravest(objections: Iterable[Objection]) -> Kind | None:
    """Return the gravest kind among the objections; None when there are none."""
    kinds = {objection.kind for objection in objections}
    return next((kind for kind in Kind if kind in kinds), None)
