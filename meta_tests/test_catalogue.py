"""The loader of the catalogue rejects an ill-formed file, and says what to fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.commands.docs.scope import BINDING, KINDS, beyond_the_document, evidence_of, surest
from contracts import Catalogue, CatalogueError, load_catalogue

GOOD = """
[[clause]]
slug = "request.a"
profile = "contract"
level = "MUST"
statement = "A holds."
source = "the standard"
requires = []
admissible = ["yes"]
"""
SECOND = GOOD.replace("request.a", "request.b")


def load(tmp_path: Path, text: str) -> Catalogue:
    path = tmp_path / "requirements.toml"
    path.write_text(text)
    return load_catalogue(path)


def test_a_good_catalogue_loads(tmp_path: Path) -> None:
    (clause,) = load(tmp_path, GOOD)
    assert (clause.slug, clause.profile, clause.level) == ("request.a", "contract", "MUST")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace('source = "the standard"', ""), "`source` is missing"),
        (GOOD.replace("the standard", " "), "`source` is empty"),
        (GOOD.replace("MUST", "SHALL"), "SHALL"),
        (GOOD.replace("contract", "other"), "other"),
        (GOOD + GOOD, "twice: request.a"),
        (GOOD.replace("requires = []", 'requires = ["request.z"]'), "requires request.z"),
        (GOOD.replace("requires = []", 'requires = []\nafter = ["request.z"]'), "comes after request.z"),
        (
            GOOD.replace("requires = []", 'requires = ["request.b"]') + SECOND.replace("contract", "stripe"),
            "later profile",
        ),
        (
            GOOD.replace("requires = []", 'requires = ["request.b"]')
            + SECOND.replace("requires = []", 'requires = ["request.a"]'),
            "circle",
        ),
        (GOOD.replace("request.a", "requesta"), "chapter.name"),
        (GOOD + 'colour = "red"', "`colour` is not a key"),
        (GOOD.replace('["yes"]', "[]"), "names no outcome"),
        ("slug = ", "is not TOML"),
        ("", "holds no"),
    ],
)
def test_an_ill_formed_catalogue_is_rejected(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CatalogueError, match=said):
        load(tmp_path, text)


def test_root_causes_come_first() -> None:
    order = load_catalogue().root_causes_first
    pairs = [(slug, clause.slug) for clause in load_catalogue() for slug in clause.earlier]
    assert len(pairs) > 100
    for earlier, later in pairs:
        assert order.index(earlier) < order.index(later)


def test_a_must_rests_on_what_binds() -> None:
    """A clause that others only quote or report never makes a target fail."""
    catalogue = load_catalogue()
    loose = [clause.slug for clause in catalogue if clause.level == "MUST" and surest(clause) not in BINDING]
    assert not loose
    assert {kind for clause in catalogue for kind in evidence_of(clause)} == {*KINDS}
    assert 0 < len(list(beyond_the_document(catalogue))) < len(catalogue.clauses)
