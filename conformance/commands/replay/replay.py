"""The replay of a finding: its episode is played again, and judged by the same judge."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from conformance.commands.replay.playing import AS_RECORDED, ON_ONE_CONNECTION, History, Play, Setting
from conformance.evidence.counted import counted
from conformance.evidence.episode import Episode, Finding, Judgement, Outcome
from conformance.evidence.exchange import Exchange
from conformance.fixtures.forms import ANY_ID, GIVEN
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.provisioning import OutOfFixtures, Provision
from conformance.judge import judge
from conformance.transport.client import Client
from conformance.verdict.ledger import UNSTEADY
from conformance.verdict.shapes import AT_ONCE
from contracts import Catalogue, Contract
from strategies.valid import MINIMAL

STILL_FAILS, FIXED, CANNOT_RUN = "still fails", "fixed", "cannot run"

ROUNDS = 10
"""How often an episode is played at most before it counts as fixed; at least, if chance decides what it shows."""
ENOUGH = 40
"""After how many requests an episode counts as fixed."""
ENOUGH_BY_CHANCE = 200
"""After how many if chance decides what it shows: a race, or a flaky answer."""


@dataclass(frozen=True)
class Replayed:
    """The result for a finding: its `word`, the reason, and the episode as it went now."""

    finding: Finding
    word: str
    reason: str
    episode: Episode | None = None
    culprit: int = 0


class Replayer:
    """A target, and everything it takes to send episodes to it again."""

    def __init__(
        self, client: Client, provision: Provision, history: History, contract: Contract, catalogue: Catalogue
    ) -> None:
        self.client = client
        self.history = history
        self.contract = contract
        self.catalogue = catalogue
        self.fixtures = Fixtures(client, provision, run="", draw=random.Random())

    def replay(self, finding: Finding) -> Replayed:
        """Play the episode of `finding`, and repeat it until it shows the failure again.

        It is fixed only if the failure does not show in any of the settings that the record leaves open, nor in as
        many rounds as it takes to find a flaky server.
        """
        by_chance = finding.episode.expectation in AT_ONCE or finding.clause == UNSTEADY
        seen: dict[str, Replayed] = {}
        rounds = 0
        try:
            self._attach_to_somebody()
            while rounds < _most_rounds(finding.episode, by_chance=by_chance):
                latest = self._again(finding, rounds)
                seen[latest.word] = latest
                if latest.word == STILL_FAILS or (latest.word == CANNOT_RUN and not by_chance):
                    return latest
                if finding.clause == UNSTEADY and len(seen) > 1:
                    spoiled = seen[CANNOT_RUN]
                    reason = f"{spoiled.reason} in one round, and not in another"
                    return replace(spoiled, word=STILL_FAILS, reason=reason)
                rounds += 1
        except OutOfFixtures as missing:
            seen[CANNOT_RUN] = Replayed(finding, CANNOT_RUN, str(missing))
        if FIXED not in seen:
            return seen[CANNOT_RUN]
        reason = f"it did not show in {counted(rounds, 'round')}"
        return replace(seen[FIXED], reason=f"{reason}, and chance has a say in it" if by_chance else reason)

    def _again(self, finding: Finding, rounds: int) -> Replayed:
        """Play it after as many rounds; every other time on one connection where a server may count on that."""
        if rounds == 0:
            return self._in_every_setting(finding)
        is_odd = finding.clause == UNSTEADY and rounds % 2 == 1
        return self._once(finding, ON_ONE_CONNECTION if is_odd else AS_RECORDED)[0]

    def _attach_to_somebody(self) -> None:
        """Have at least a customer with a payment method on the target: on an empty one some failures do not show."""
        if not self.fixtures.inventory.made and self.fixtures.provision.creates_customers:
            ids = {"customer": self.fixtures.customers.named(), "payment_method": self.fixtures.methods.new()}
            self.client.send(MINIMAL.bind(ids))

    def _in_every_setting(self, finding: Finding) -> Replayed:
        """Play it in the likeliest setting, twice if it cannot run; if it looks fixed, also in the others."""
        replayed, play = self._once(finding, AS_RECORDED)
        if replayed.word == CANNOT_RUN:
            replayed, play = self._once(finding, AS_RECORDED)
        if replayed.word == FIXED:
            others = (self._once(finding, setting)[0] for setting in self._other_settings(play))
            return next((other for other in others if other.word == STILL_FAILS), replayed)
        return replayed

    def _other_settings(self, play: Play) -> Iterator[Setting]:
        provision = self.fixtures.provision
        if "payment_method" in play.provided and provision.payment_methods not in (GIVEN, ANY_ID):
            yield Setting(flipped=True)
        if "customer" in play.provided and provision.creates_customers:
            yield Setting(used=True)

    def _once(self, finding: Finding, setting: Setting) -> tuple[Replayed, Play]:
        play = Play(self.client, self.fixtures, self.history, setting)
        return self._judge(finding, play.play(finding.episode)), play

    def _judge(self, finding: Finding, episode: Episode) -> Replayed:
        wanted = finding.seen_at or finding.clause
        judgement = judge(episode, self.contract, self.catalogue)
        for shown in judgement.findings:
            if shown.clause == wanted:
                return Replayed(finding, STILL_FAILS, shown.observed, episode, shown.culprit)
        reason = _why_inconclusive(finding, wanted, episode, judgement)
        return Replayed(finding, CANNOT_RUN if reason else FIXED, reason, episode, finding.culprit)


def _most_rounds(episode: Episode, *, by_chance: bool) -> int:
    if by_chance:
        return max(ROUNDS, math.ceil(ENOUGH_BY_CHANCE / len(episode.steps)))
    return min(ROUNDS, math.ceil(ENOUGH / len(episode.steps)))


def _why_inconclusive(finding: Finding, wanted: str, episode: Episode, judgement: Judgement) -> str:
    """Return why the episode does not show whether the clause that it broke holds now; empty where it shows it."""
    if episode.clause == wanted:
        return "" if judgement.outcome is Outcome.PASS else judgement.reason or str(judgement.outcome)
    before, now = finding.exchange, episode.steps[finding.culprit].exchange
    if now.status is None:
        return "" if before.failure else now.why_unanswered
    recorded = _class_of(before)
    if recorded in ("", _class_of(now)):
        return ""
    return f"the recorded request was {recorded}, and is now answered {now.status}, which does not show {wanted}"


def _class_of(exchange: Exchange) -> str:
    """Return the class of answers that a general clause is about; empty for a server error, which is a fault itself."""
    if exchange.is_success:
        return "accepted"
    return "rejected" if exchange.is_refusal else ""
