"""The order of tests in which defects show after the fewest requests: first greedily, then by moving tests about."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from contracts import load_catalogue
from contracts.catalogue import PROFILES

NEVER = 10**6
"""The request at which a defect shows that no test finds."""
PATIENCE = 150
"""How many requests somebody waits for a first finding: after so many it does not matter any more when it comes."""
LONGEST_MOVE = 3
"""How many neighbours are moved at once."""


@dataclass(frozen=True)
class Telling:
    """What was measured of each test, by its name, in the order measured: its `costs` in requests, and its clause.

    `answers` holds for each test the numbers of the answers that it used: what several use is paid for by the first of
    them. `finders` holds for each defect the tests that find it, `profiles` the profile with which that is looked for.
    """

    costs: Mapping[str, int]
    answers: Mapping[str, frozenset[int]]
    clauses: Mapping[str, str]
    finders: Mapping[str, frozenset[str]]
    profiles: Mapping[str, str]

    def first_findings(self, order: Sequence[str]) -> list[int]:
        """For each defect after how many requests it shows; a test beyond its profile is not run."""
        ends = [self._ends(order, profile) for profile in range(len(PROFILES))]
        found = []
        for defect, tests in self.finders.items():
            of_profile = ends[self._places[defect]]
            found.append(min((of_profile[test] for test in tests if test in of_profile), default=NEVER))
        return found

    def _ends(self, order: Sequence[str], profile: int) -> Mapping[str, int]:
        """After how many requests each test of a profile has ended."""
        reached, answered = 0.0, 0
        ends = {}
        for test in order:
            if self._widths[test] <= profile:
                lacking = self._needs[test] & ~answered
                reached += self._price(test, lacking)
                answered |= lacking
                ends[test] = round(reached)
        return ends

    def _price(self, test: str, lacking: int) -> float:
        """What a test costs where the answers whose bits are set are still lacking."""
        price = self._prices.get((test, lacking))
        if price is None:
            own, shares = self._shares
            price = own[test] + sum(shares[bit] for bit in self.answers.get(test, ()) if lacking >> bit & 1)
            self._prices[test, lacking] = price
        return price

    @cached_property
    def _prices(self) -> dict[tuple[str, int], float]:
        return {}

    @cached_property
    def _needs(self) -> Mapping[str, int]:
        """The answers of each test as bits."""
        return {test: sum(1 << answer for answer in self.answers.get(test, ())) for test in self.costs}

    @cached_property
    def _shares(self) -> tuple[Mapping[str, float], Mapping[int, float]]:
        """What each test costs beside its answers, and what each answer costs: who used it first has paid for it."""
        own: dict[str, float] = {}
        shares: dict[int, float] = {}
        for test, cost in self.costs.items():
            new = [answer for answer in self.answers.get(test, ()) if answer not in shares]
            own[test] = 0.0 if new else float(cost)
            shares |= dict.fromkeys(new, cost / max(1, len(new)))
        return own, shares

    def prices(self, order: Sequence[str]) -> Mapping[str, int]:
        """What each test costs in requests in that order, with the widest profile."""
        ends = self._ends(order, len(PROFILES) - 1)
        before = dict(zip(order[1:], order, strict=False))
        return {test: ends[test] - ends.get(before.get(test, ""), 0) for test in order}

    def waiting(self, order: Sequence[str]) -> int:
        """How many requests somebody waits for the first findings of all defects together."""
        return sum(min(requests, PATIENCE) for requests in self.first_findings(order))

    def comes_after(self, test: str) -> frozenset[str]:
        """The clauses that are judged before that of the test."""
        catalogue = load_catalogue()
        clause = self.clauses[test]
        return catalogue.comes_after(clause) if clause in catalogue else frozenset()

    @cached_property
    def _widths(self) -> Mapping[str, int]:
        """For each test the narrowest profile that runs it."""
        catalogue = load_catalogue()
        of_clauses = {slug: PROFILES.index(catalogue[slug].profile) for slug in catalogue.root_causes_first}
        return {test: of_clauses.get(clause, 0) for test, clause in self.clauses.items()}

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {defect: PROFILES.index(profile) for defect, profile in self.profiles.items()}


def most_telling_first(
    costs: Mapping[str, int], clauses: Mapping[str, str], finders: Iterable[frozenset[str]]
) -> list[str]:
    """The tests in the order that finds most defects per request, each after those on which its clause rests.

    `costs` gives the requests of each test, `clauses` the clause it is for, `finders` for each defect the tests that
    find it.
    """
    catalogue = load_catalogue()
    places = {slug: place for place, slug in enumerate(catalogue.root_causes_first)}
    open_defects = [found for found in finders if found]
    left = sorted(costs, key=lambda test: (places.get(clauses[test], len(places)), test))
    order: list[str] = []
    while left:
        waiting = {clauses[test] for test in left}
        best, best_score = left[0], -1.0
        for test in left:
            before = needed_before(test, left, clauses, waiting)
            together = [*before, test]
            kills = sum(bool(found.intersection(together)) for found in open_defects)
            score = kills / max(1, sum(costs[one] for one in together))
            if score > best_score:
                best, best_score = test, score
        chosen = [*needed_before(best, left, clauses, waiting), best]
        order += chosen
        left = [test for test in left if test not in chosen]
        open_defects = [found for found in open_defects if not found.intersection(chosen)]
    return order


def needed_before(test: str, left: Sequence[str], clauses: Mapping[str, str], waiting: set[str]) -> list[str]:
    """The tests left whose clauses are judged before that of `test`, in their order."""
    catalogue = load_catalogue()
    if clauses[test] not in catalogue:
        return []
    rests = catalogue.comes_after(clauses[test]) & waiting
    return [other for other in left if clauses[other] in rests and other != test]


def improved(telling: Telling, order: Sequence[str], moves: int) -> list[str]:
    """The order after so many attempts to move a few neighbours elsewhere, each kept where less is waited then."""
    draw = random.Random(1)
    rests = {test: telling.comes_after(test) for test in order}
    best, least = list(order), telling.waiting(order)
    for _ in range(moves):
        moved = list(best)
        start, count = draw.randrange(len(moved)), draw.randint(1, LONGEST_MOVE)
        some = moved[start : start + count]
        del moved[start : start + count]
        place = draw.randrange(len(moved) + 1)
        moved[place:place] = some
        if is_root_causes_first(moved, telling.clauses, rests) and (waited := telling.waiting(moved)) < least:
            best, least = moved, waited
    return best


def is_root_causes_first(order: Sequence[str], clauses: Mapping[str, str], rests: Mapping[str, frozenset[str]]) -> bool:
    """Whether every test comes after the last one of each clause on which its own rests."""
    last = {clauses[test]: place for place, test in enumerate(order)}
    return all(last.get(cause, -1) < place for place, test in enumerate(order) for cause in rests[test])
