"""The replay of a finding: its episode is played again, and what that shows now."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from conformance.commands.replay.history import History
from conformance.commands.replay.playing import AS_RECORDED, SIMULTANEOUS, Play, Setting
from conformance.evidence.episode import Episode, Finding, Judgement, Outcome
from conformance.evidence.exchange import Exchange
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.provisioning import OutOfFixtures, Provision
from conformance.judge import judge
from conformance.transport.client import Client
from conformance.verdict.ledger import UNSTEADY
from contracts import Catalogue, Contract
from strategies.valid import MINIMAL

STILL_FAILS, FIXED, CANNOT_RUN = WORDS = ("still fails", "fixed", "cannot run")

ROUNDS = 10
"""How often an episode is played at most, or at least where chance decides what it shows, before it counts as fixed."""
ENOUGH = 40
"""After how many requests of its own an episode counts as fixed."""
ENOUGH_BY_CHANCE = 200
"""After how many where chance decides what it shows: a race, or an answer that did not come again."""


@dataclass(frozen=True)
class Replayed:
    """What became of a finding: one of WORDS, what is observed or why it cannot run, and the episode as it went now."""

    finding: Finding
    word: str
    told: str
    episode: Episode | None = None
    culprit: int = 0


class Replayer:
    """Sends episodes again to one target."""

    def __init__(
        self, client: Client, provision: Provision, history: History, contract: Contract, catalogue: Catalogue
    ) -> None:
        self.client = client
        self.history = history
        self.contract = contract
        self.catalogue = catalogue
        self.fixtures = Fixtures(client, provision, run="", draw=random.Random())

    def replay(self, finding: Finding) -> Replayed:
        """Play the episode of `finding` again, and again until it shows what it showed.

        It is fixed only if it does not show in any of the settings that the record leaves open, nor in as many rounds
        as find a server that errs now and then.
        """
        by_chance = finding.episode.expectation in SIMULTANEOUS or finding.clause == UNSTEADY
        latest, rounds, sent = Replayed(finding, CANNOT_RUN, ""), 0, 0
        fixed: Replayed | None = None
        spoiled: Replayed | None = None
        try:
            self._people()
            while rounds == 0 or _goes_on(rounds, sent, by_chance=by_chance):
                latest = self._in_every_setting(finding) if rounds == 0 else self._once(finding, AS_RECORDED)[0]
                if latest.word == STILL_FAILS or (latest.word == CANNOT_RUN and not by_chance):
                    return latest
                fixed = latest if latest.word == FIXED else fixed
                spoiled = latest if latest.word == CANNOT_RUN else spoiled
                if finding.clause == UNSTEADY and fixed and spoiled:
                    return replace(spoiled, word=STILL_FAILS, told=f"{spoiled.told} in one round, and not in another")
                rounds, sent = rounds + 1, sent + len(finding.episode.steps)
        except OutOfFixtures as missing:
            latest = Replayed(finding, CANNOT_RUN, str(missing))
        if fixed is None:
            return latest
        told = f"it did not show in {rounds} round{'s' * (rounds != 1)}"
        return replace(fixed, told=f"{told}, and chance has a say in it" if by_chance else told)

    def _people(self) -> None:
        """Have at least a customer with a payment method on the target: on an empty one some failures do not show."""
        if not self.fixtures.inventory.made and self.fixtures.provision.customers == "created":
            ids = {"customer": self.fixtures.customers.named(), "payment_method": self.fixtures.methods.new()}
            self.client.send(MINIMAL.bind(ids))

    def _in_every_setting(self, finding: Finding) -> Replayed:
        """Once in the likeliest setting, twice if that says nothing; and once in the others until it shows."""
        replayed, play = self._once(finding, AS_RECORDED)
        if replayed.word == CANNOT_RUN:
            replayed, play = self._once(finding, AS_RECORDED)
        for setting in self._others(play) if replayed.word == FIXED else ():
            other, _ = self._once(finding, setting)
            if other.word == STILL_FAILS:
                return other
        return replayed

    def _others(self, play: Play) -> Iterator[Setting]:
        """The settings that may matter besides the most likely one."""
        provision = self.fixtures.provision
        if any(kind == "payment_method" for kind, _ in play.provided) and provision.payment_methods not in (
            "given",
            "any id",
        ):
            yield Setting(flipped=True)
        if provision.customers == "created" and any(kind == "customer" for kind, _ in play.provided):
            yield Setting(used=True)

    def _once(self, finding: Finding, setting: Setting) -> tuple[Replayed, Play]:
        play = Play(self.client, self.fixtures, self.history, setting)
        episode = play.play(finding.episode)
        return self._judged(finding, episode), play

    def _judged(self, finding: Finding, episode: Episode) -> Replayed:
        wanted = finding.seen_at or finding.clause
        judgement = judge(episode, self.contract, self.catalogue)
        shown = next((found for found in judgement.findings if found.clause == wanted), None)
        if shown is not None:
            return Replayed(finding, STILL_FAILS, shown.observed, episode, shown.culprit)
        if why := _says_nothing(finding, wanted, episode, judgement):
            return Replayed(finding, CANNOT_RUN, why, episode, finding.culprit)
        return Replayed(finding, FIXED, "", episode, finding.culprit)


def _goes_on(rounds: int, sent: int, *, by_chance: bool) -> bool:
    if by_chance:
        return rounds < ROUNDS or sent < ENOUGH_BY_CHANCE
    return rounds < ROUNDS and sent < ENOUGH


def _says_nothing(finding: Finding, wanted: str, episode: Episode, judgement: Judgement) -> str:
    """Why the episode tells nothing of the clause that it broke; empty where it shows that it holds."""
    if episode.clause == wanted:
        return "" if judgement.outcome is Outcome.PASS else judgement.reason or str(judgement.outcome)
    before, now = finding.exchange, episode.steps[finding.culprit].exchange
    if now.status is None:
        return "" if before.failure else now.why_unanswered
    if _class_of(before) and _class_of(before) != _class_of(now):
        return f"what was {_class_of(before)} then is answered {now.status} now, which says nothing of {wanted}"
    return ""


def _class_of(exchange: Exchange) -> str:
    """What a general clause speaks of: successes or refusals; empty for what is neither, and so a fault itself."""
    return "accepted" if exchange.is_success else "refused" if exchange.is_refusal else ""
