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
    """What was measured of each test, by its name: what it `costs` in requests, the clause that it is for.

    `finders` holds for each defect the tests that find it, `profiles` the profile with which that is looked for.
    """

    costs: Mapping[str, int]
    clauses: Mapping[str, str]
    finders: Mapping[str, frozenset[str]]
    profiles: Mapping[str, str]

    def first_findings(self, order: Sequence[str]) -> list[int]:
        """For each defect after how many requests it shows; a test beyond its profile is not run."""
        reached = [0] * len(PROFILES)
        ends: list[dict[str, int]] = [{} for _ in PROFILES]
        for test in order:
            for profile in range(self._widths[test], len(PROFILES)):
                reached[profile] += self.costs[test]
                ends[profile][test] = reached[profile]
        found = []
        for defect, tests in self.finders.items():
            of_profile = ends[self._places[defect]]
            found.append(min((of_profile[test] for test in tests if test in of_profile), default=NEVER))
        return found

    def waiting(self, order: Sequence[str]) -> int:
        """How many requests somebody waits for the first findings of all defects together."""
        return sum(min(requests, PATIENCE) for requests in self.first_findings(order))

    def rests_on(self, test: str) -> frozenset[str]:
        """The clauses on which that of the test rests, beside itself."""
        catalogue = load_catalogue()
        clause = self.clauses[test]
        return frozenset(catalogue.rests_on(clause)) - {clause} if clause in catalogue else frozenset()

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
    """The tests left whose clauses `test` rests on, in their order."""
    catalogue = load_catalogue()
    if clauses[test] not in catalogue:
        return []
    rests = catalogue.rests_on(clauses[test]) & waiting - {clauses[test]}
    return [other for other in left if clauses[other] in rests and other != test]


def improved(telling: Telling, order: Sequence[str], moves: int) -> list[str]:
    """The order after so many attempts to move a few neighbours elsewhere, each kept where less is waited then."""
    draw = random.Random(1)
    rests = {test: telling.rests_on(test) for test in order}
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
