"""The catalogue of seeded defects: mistakes that a suite has to find, each by its one clause."""

from __future__ import annotations

from . import (
    aftermath,
    answers,
    body,
    cards,
    codes,
    connections,
    effects,
    encodings,
    expand,
    headers,
    histories,
    keys,
    overlooked,
    passing,
    paths,
    races,
    refusals,
    remains,
    repetition,
    replays,
    requests,
    robustness,
    rules,
    schema,
    second_list,
    second_list_stripe,
    shape,
    spelling,
    state,
    unknown,
    writes,
)
from .registry import Defect, catalogue
from .unseen import UNSEEN

__all__ = ["CATALOGUE", "Defect", "get"]

CONTRACT = (requests, encodings, body, unknown, expand, answers, shape, schema, refusals, spelling)
STRANGE = (robustness, aftermath, repetition, connections, remains)
STATEFUL = (state, effects, writes, rules, races)
STRIPE = (codes, paths, cards, keys, replays, headers)

MODULES = (*CONTRACT, *STRANGE, *STATEFUL, *STRIPE, *UNSEEN)

SEEDS = (
    *(module.seed for module in MODULES),
    *histories.SEEDS,
    *overlooked.SEEDS,
    *passing.SEEDS,
    *second_list.SEEDS,
    second_list_stripe.seed,
    spelling.authentication,
)

CATALOGUE = catalogue(SEEDS)
"""Every defect by its name, chapter after chapter."""


def get(name: str) -> Defect:
    """The defect of that name; `KeyError` where there is none."""
    return CATALOGUE[name]
