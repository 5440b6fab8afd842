"""One test of the suite, on whichever process runs it: what becomes of what it found."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

from conformance.evidence.failure import BoundReached, LiveAccount
from conformance.evidence.secret import Secret
from conformance.fixtures.forms import new_run
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.provisioning import Provision
from conformance.plugin.ahead import Performers
from conformance.plugin.dealing import workers_at_work
from conformance.plugin.drawing import as_the_budget_says, give_settings_of_run
from conformance.plugin.order import is_further, slug_of, slugs_beside
from conformance.plugin.wording import Wording
from conformance.scenes.ahead import Performance
from conformance.scenes.budgets import BUDGETS
from conformance.scenes.case import ClauseBroken
from conformance.scenes.engine import Engine
from conformance.scenes.stage import Stage
from conformance.transport.bounds import Bounds
from conformance.transport.client import Address, Client
from conformance.verdict.culprits import is_established
from conformance.verdict.entries import Kind, refer_to
from conformance.verdict.internal_errors import INTERNAL_ERROR, InternalError, in_short, traceback_of
from conformance.verdict.ledger import Ledger
from conformance.verdict.results import blocking, conclude
from conformance.verdict.settings import Settings, usual_rate
from contracts import load_catalogue, published_contract

PROPERTY = "conformance"
"""The name under which a test's findings travel in its report."""


class ItemRunner:
    """Runs the suite's tests in this process against one target."""

    def __init__(
        self,
        settings: Settings,
        base_url: str,
        provision: Provision,
        key: Secret,
        *,
        bounds: Bounds | None = None,
        workers: int = 1,
        worker: int = 0,
    ) -> None:
        address, contract, catalogue = Address(base_url), published_contract(), load_catalogue()
        rate = settings.rate or usual_rate(is_loopback=address.is_loopback)
        self.key = key
        self.worker = worker
        self.wording = Wording(catalogue, settings.expectations, settings.left_out, has_company=workers > 1)
        self.rate = rate
        self.workers = workers
        self.catalogue = catalogue
        client = Client(address, key, contract, timeout=settings.timeout, rate=rate, bounds=bounds)
        draw = random.Random(f"{settings.seed}/{worker}")
        self.made: Counter[str] = Counter()
        self.left: list[str] = []
        self.fixtures = Fixtures(client, provision, run=new_run(), draw=draw)
        self.client = client
        self.live = ""
        self._unreported: dict[str, Any] | None = None
        budget = BUDGETS[settings.budget]
        self.is_quick = not budget.whole
        self.stage = Stage(client, self.fixtures, contract, catalogue, budget.repetitions)
        self.engine = Engine(self.stage, shares_target=workers > 1, left_out=settings.left_out)
        self.concurrency = 1 if settings.dry_run else settings.concurrency
        self.performers: Performers | None = None
        self.starts_over = False
        self._performed: list[pytest.Function] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Give the tests the settings of this run, and keep to this worker's part of the rate."""
        give_settings_of_run(session.items)
        if self.rate and self.workers > 1:
            self.client.keep_to(self.rate / workers_at_work(self.workers, (item.nodeid for item in session.items)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Begin to perform tests ahead, where several are to be performed at the same time."""
        if self.concurrency > 1 and not session.testsfailed:
            self.performers = Performers(self, self.concurrency)
            session.config.pluginmanager.register(self.performers, "conformance-performers")
            self.performers.start(session.items)

    def wrap_up(self) -> dict[str, Any]:
        """Remove what was made and close every connection: what was `made`, what is `left`, and the `requests` sent.

        `bound` is the bound that was reached, empty for none; `first_finding` how many requests were sent until the
        first finding, None without one; `unreported` what an
        interrupted test has left behind, `errors` what went wrong in the clean-up, `plan` the digest of what was sent.
        """
        errors: list[dict[str, str]] = []
        try:
            if self.performers is not None:
                self.performers.close()
            self.tidy()
        except KeyboardInterrupt:  # the user does not wait for the clean-up
            self.left += self.fixtures.abandon()
        except Exception as error:  # the run is concluded all the same
            failure = InternalError.of("clean-up", error)
            errors.append({name: self.key.blotted(text) for name, text in failure.to_json().items()})
        self.client.close()
        return {
            "made": dict(self.made),  # execnet sends no other mapping
            "left": self.left,
            "requests": self.client.sent_in_all,
            "first_finding": self.engine.requests_to_first_finding,
            "bound": self.client.bounds.reached,
            "unreported": self._unreported,
            "errors": errors,
            "plan": self.stage.plan.hexdigest(),
        }

    def tidy(self) -> None:
        """Remove what was made, and count it. To a live account nothing is sent: what was made is named."""
        made = self.fixtures.inventory.made
        self.made.update(kind for kind, _ in made)
        if self.live:
            self.left += [identifier for _, identifier in made]
        else:
            self.left += self.fixtures.clean_up(max(self.concurrency, self.workers))

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Run one test between `begin` and `end` of its case; not at all where its root cause is known."""
        slug = slug_of(pyfuncitem)
        if slug is None:
            return (yield)
        performance = None if self.live else self._take_ahead(pyfuncitem)
        if self.live:
            pytest.skip(self.live)
        self._performed.append(pyfuncitem)
        self._begin(pyfuncitem)
        pyfuncitem.stash[FOUND] = Ledger()
        if reason := self._leave(slug, performance):
            pyfuncitem.stash[FOUND] = self.engine.end()
            pytest.skip(reason)
        if is_further(pyfuncitem) and is_established(slug, self.stage.known):
            pytest.skip("an earlier test has found it broken")
        is_adopted = bool(self.performers and performance and self.performers.adopts(pyfuncitem, performance))
        try:
            if is_adopted:
                return (yield)
            with self.client.alone(), as_the_budget_says(pyfuncitem, is_quick=self.is_quick):
                return (yield)
        except LiveAccount as live:
            self.live = str(live)
            pytest.skip(self.live)
        except BoundReached:
            pytest.skip(self.engine.leave_for_bound())
        except KeyboardInterrupt:
            log = [entry.to_json() for entry in self.stage.case.log]
            self._unreported = {"test": pyfuncitem.nodeid, "worker": self.worker, "log": log}
            raise
        finally:
            if self._unreported is None and not self.live:
                with contextlib.nullcontext() if is_adopted else self.client.alone():
                    pyfuncitem.stash[FOUND] = self.engine.end()
                if self.performers is not None and performance is not None:
                    self.performers.note_alone(pyfuncitem, performance)

    def _leave(self, slug: str, performance: Performance | None) -> str:
        """Note why the running test is not performed, and return that; empty where it is."""
        if absent := self._absent(slug):
            self.stage.case.note(Kind.NOT_APPLICABLE, absent)
            return absent
        if self.engine.watch.gone:
            return self.engine.leave_for_gone()
        if self.client.bounds.reached and (performance is None or performance.why_alone):
            return self.engine.leave_for_bound()
        if cause := self._cause(slug):
            self.stage.case.note(Kind.NOT_RUN, refer_to(cause))
            return refer_to(cause)
        return ""

    def _take_ahead(self, item: pytest.Function) -> Performance | None:
        """Return what was performed ahead; None where the test is to be performed now, behind what must come again."""
        if self.performers is None:
            return None
        if self.stage.renewals:
            self.performers.close()
        performance = self.performers.take(item)
        if self.starts_over:
            self.starts_over = False
            self._start_over()
        return performance

    def _start_over(self) -> None:
        """Perform again what was performed so far, one after the other, so that the run goes on as a sequential one."""
        self.engine.start_over(new_run())
        for item in self._performed:
            self._begin(item)
            if absent := self._absent(slug_of(item) or ""):
                self.stage.case.note(Kind.NOT_APPLICABLE, absent)
                self.engine.end()
            elif self.is_wanted(item):
                with contextlib.suppress(Exception):  # it is reported already
                    self.tell(item, self.engine)
                self.engine.end()

    def _begin(self, item: pytest.Function) -> None:
        slug = slug_of(item) or ""
        self.engine.begin(slug, item.originalname if slug else "")

    def is_wanted(self, item: pytest.Item) -> bool:
        """Return whether nothing that the run has found so far is a reason to leave a test out."""
        slug = slug_of(item) or ""
        if self._absent(slug) or self._cause(slug) or self.engine.watch.gone or self.live:
            return False
        return not (is_further(item) and is_established(slug, self.stage.known))

    def tell(self, item: pytest.Function, engine: Engine) -> None:
        """Call the function of a test as pytest would, with this engine."""
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        given = {name: parameters[name] for name in item._fixtureinfo.argnames if name in parameters}
        with as_the_budget_says(item, is_quick=self.is_quick):
            item.obj(**{**given, "scene": engine})

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say in the report what the ledger says, and let nothing through that holds the key."""
        report = yield
        slug = slug_of(item)
        if slug is not None and call.when == "call":
            ledger = item.stash.get(FOUND, Ledger())
            if call.excinfo is not None and not _is_verdict(call.excinfo.value):
                case = self.stage.case
                error = call.excinfo.value
                words, traceback = self.key.blotted(in_short(error)), self.key.blotted(traceback_of(error))
                case.note(Kind.ERROR, words, slug or "error", traceback)
                ledger = case.ledger
                report.longrepr = f"{INTERNAL_ERROR}: {words}\n\n{traceback}"
            else:
                self.wording.word(report, item, slug, ledger, self.stage.known)
            found = {
                "clause": slug,
                "ledger": ledger.to_json(),
                "beside": list(slugs_beside(item)) if slug else [],
                "log": [entry.to_json() for entry in self.stage.case.log],
                "worker": self.worker,
                "requests": self.client.sent_in_all,
                "live": self.live,
            }
            report.user_properties.append((PROPERTY, found))
        if report.longrepr is not None and not isinstance(report.longrepr, tuple):
            text = str(report.longrepr)
            if (blotted := self.key.blotted(text)) != text:
                report.longrepr = blotted
        report.sections = [(name, self.key.blotted(text)) for name, text in report.sections]
        return report

    def _absent(self, slug: str) -> str:
        """Return why the clause cannot apply to this target; empty when it can."""
        if not slug:
            return ""
        clause = self.catalogue[slug]
        if clause.profile == "stateful" and self.fixtures.provision.stateless:
            return "the target keeps no state"
        required = [self.stage.known.entries.get(name) for name in clause.requires]
        return next((entry.not_applicable[0] for entry in required if entry and entry.is_not_applicable), "")

    def _cause(self, slug: str) -> str:
        if not slug:
            return ""
        required = self.catalogue.rests_on(slug)
        return blocking(self.catalogue[slug], conclude(self.catalogue, self.stage.known.copy(), only=required))


FOUND = pytest.StashKey[Ledger]()
"""Where an item keeps what it found."""


def _is_verdict(error: BaseException) -> bool:
    """Return whether an exception is a verdict of the suite rather than a fault of its code."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_verdict(inner) for inner in error.exceptions)
    return isinstance(error, ClauseBroken | pytest.skip.Exception)
