"""Stripe's own answers: the codes that clients branch on, the rules behind them, and the test cards."""

from __future__ import annotations

import contextlib

from conformance import judge
from conformance.evidence.episode import Step
from conformance.fixtures.forms import DECLINING_FORMS, NO_DECLINING_CARD, NO_DELETING, UNHEARD_OF_FORMS
from conformance.scenes.card import all_answered, as_role
from conformance.scenes.keys import replay_on_token
from conformance.scenes.marks import CARDS, clause, each, in_turn, looks_at
from conformance.scenes.scene import Absent, Card, OutOfFixtures, Scene
from conformance.scenes.shelf import DETACHED, NO_DETACHING, attach_again_after_detaching, attach_and_detach
from contracts import published_contract
from strategies import Attempt, invalid, refusals, stripe
from strategies.valid import EXPANDED, MINIMAL

CONTRACT = published_contract()

NO_DECLINING_TOKEN = "the target knows no shared token that declines"
NO_DEFAULT = "no default payment method can be set for a customer here"

NOT_FOUND = 404

DECLINED = "a card that was declined"
"""The name by which tests share a card that was declined."""

UNHEARD_OF_TOKEN = "pm_card_conformanceUnheardOf"
"""A shared token that does not exist: a server that takes it takes any, and knows none that declines."""


@clause("stripe.parameter-missing")
@each("attempt", stripe.missing_customers())
def test_missing_customer(scene: Scene, attempt: Attempt) -> None:
    """A missing customer is the client's mistake: 400, of `customer` or of no parameter in particular."""
    scene.expect(judge.rejected_as_required, scene.sample(attempt))


@clause("stripe.parameter-missing-code")
def test_code_of_missing_customer(scene: Scene) -> None:
    """Clients tell a missing parameter from an unknown one by its code."""
    scene.expect(judge.rejected_as_required, scene.sample(stripe.missing_customers()[0]))


@clause("stripe.parameter-unknown")
@each("attempt", stripe.unknown_parameters(), quick=2)
def test_unknown_parameter(scene: Scene, attempt: Attempt) -> None:
    """A misspelled parameter is named in the error, so that it is found."""
    scene.expect(judge.rejected_as_required, scene.sample(attempt))


@clause("stripe.too-long")
@each("attempt", stripe.too_long_customers(CONTRACT))
def test_too_long_customer(scene: Scene, attempt: Attempt) -> None:
    """A value beyond the limit is refused for its length, before anything is looked up."""
    scene.expect(judge.rejected_as_required, scene.sample(attempt))


@clause("stripe.too-long", quick=False)
def test_too_long_customer_with_blanks(scene: Scene) -> None:
    """Blanks at the end of a value are characters, too."""
    scene.needs.nothing_known_of("request.value-exact", "request.value-exact-whitespace")
    scene.expect(judge.rejected_as_required, scene.sample(invalid.too_long_with_blanks(CONTRACT)))


@clause("stripe.wrong-structure")
@each("attempt", stripe.structured_customers())
def test_structured_customer(scene: Scene, attempt: Attempt) -> None:
    """A hash or an array where a string is due is an invalid request."""
    scene.expect(judge.rejected_as_required, scene.sample(attempt))


@clause("stripe.customer-empty")
def test_empty_customer(scene: Scene) -> None:
    """An empty customer, which a form sends for an unset one, is an invalid request and no unknown path."""
    scene.expect(judge.rejected_as_required, scene.sample(stripe.EMPTY_CUSTOMER))


@clause("expand.nested-path")
def test_nested_path(scene: Scene) -> None:
    """A path through the customer brings its default payment method in the same answer, and saves a request."""
    scene.needs.state()
    own, method = scene.api.own_customer(), scene.stage.fixtures.methods.new()
    if own is None:
        scene.needs.unmet(NO_DEFAULT)
    attached = scene.attach(stripe.EXPANDED_DEFAULT_METHOD_AND_CUSTOMER, method, to=own, role="set-up")
    if attached.exchange.is_refusal:  # no source says that a path to what is not set is accepted
        attached = scene.attach(MINIMAL, method, to=own, role="set-up")
    changed = scene.api.set_default(own, method)
    if changed and changed[0].exchange.is_success and "invoice_settings" not in changed[0].exchange.object:
        changed.append(scene.api.retrieve_customer(own, role="set-up"))
    if not changed or is_ignored(changed[-1], method, attached):
        scene.needs.unmet(NO_DEFAULT)

    expanded = scene.attach(stripe.EXPANDED_DEFAULT_METHOD, to=own)
    about = {**expanded.bindings, "default_payment_method": method}
    scene.expect(judge.nested, attached, *changed, expanded, about=about)

    if not scene.needs.is_sound("state.same-customer-again"):
        return
    again = scene.attach(stripe.EXPANDED_DEFAULT_METHOD_AND_CUSTOMER, Card(method, customer=own), to=own)
    if again.exchange.is_refusal:  # which stripe.same-customer judges
        return
    scene.expect(judge.nested, attached, *changed, again, about=about)

    plain = scene.attach(EXPANDED, Card(method, customer=own), to=own)
    scene.expect(judge.nested_where_asked, attached, *changed, *as_role("control", again), plain, about=about)


def is_ignored(changed: Step, method: str, attached: Step) -> bool:
    """Return whether the answer to a change of the default payment method, or a later read, does not show it."""
    settings = changed.exchange.object.get("invoice_settings")
    is_kept = isinstance(settings, dict) and settings.get("default_payment_method") == method
    return attached.exchange.is_success and changed.exchange.answered and not is_kept


@clause("stripe.expand-path")
@each("attempt", stripe.unknown_paths(), quick=5)
def test_unknown_path(scene: Scene, attempt: Attempt) -> None:
    """A path that leads nowhere is refused: a client would wait for an object that never comes."""
    scene.expect(judge.rejected_as_required, scene.sample(attempt))


@clause("stripe.expand-path")
def test_unknown_path_when_attached(scene: Scene) -> None:
    """A path is looked at, too, where the customer has the payment method already and nothing is left to do."""
    attached = scene.sample(MINIMAL, role="set-up")
    scene.expect(judge.rejected_as_required, attached, scene.attach(stripe.PATH_IN_CAPITALS, attached))


@clause("stripe.expand-path")
def test_path_with_a_blank(scene: Scene) -> None:
    """A path is no text to be trimmed: a blank belongs to it."""
    scene.needs.nothing_known_of("request.value-exact", "request.value-exact-whitespace")
    scene.expect(judge.rejected_as_required, scene.sample(stripe.PATH_WITH_A_BLANK))


@clause("stripe.expand-depth")
@each("attempt", stripe.deep_paths())
def test_deep_path(scene: Scene, attempt: Attempt) -> None:
    """Paths have at most four levels, and a longer one has a code of its own."""
    scene.expect(judge.rejected_as_required, scene.sample(attempt))


@clause("stripe.resource-missing-payment-method")
@each("attempt", stripe.unknown_methods(), quick=2)
def test_unknown_payment_method(scene: Scene, attempt: Attempt) -> None:
    """An unknown id in the path is 404, and the error says which of the two ids is missing."""
    scene.expect(judge.rejected_as_required, scene.sample(attempt))


@clause("stripe.resource-missing-customer")
@each("attempt", stripe.unknown_customers(), quick=2)
def test_unknown_customer(scene: Scene, attempt: Attempt) -> None:
    """An unknown id in a parameter is 400, and the error says which of the two ids is missing."""
    if refusals.may_name_customer(attempt, scene.stage.fixtures.customers.named()):
        scene.needs.end()
    scene.expect(judge.rejected_as_required, scene.sample(attempt))


@looks_at(CARDS)
@clause("stripe.resource-missing-customer", also=("state.deleted-customer",), last=True, quick=True)
def test_deleted_customer(scene: Scene) -> None:
    """A deleted customer is as missing as one that never was: for a shared token, and for a card that was detached."""
    scene.needs.state()
    scene.needs.nothing_known_of("state.deleted-customer")
    deleted = scene.stage.fixtures.customers.deleted
    if not deleted and scene.needs.has("delete") and (own := scene.api.own_customer()) is not None:
        scene.api.delete(own)
    if not deleted:
        scene.needs.unmet(NO_DELETING)

    of_token = stripe.of_shared_token(refusals.WITH_DELETED_CUSTOMER)
    steps = [scene.attach(of_token, of_token.path_id)]
    if steps[0].exchange.status == NOT_FOUND:  # the token, or the customer: a card of its own shows which
        steps = [scene.send(refusals.WITH_DELETED_CUSTOMER, rejected=True)]
    if scene.needs.is_sound("state.detach"):
        steps += attach_detached(scene, refusals.WITH_DELETED_CUSTOMER)

    scene.expect(judge.rejected_as_required, *steps, also=[("state.deleted-customer", judge.rejected)])


def attach_detached(scene: Scene, attempt: Attempt) -> list[Step]:
    """Send an attempt on a card that was detached; nothing where the target detaches none, or no card is left."""
    detached = scene.stage.memory.left.get(DETACHED)
    if detached is not None:
        return [scene.attach(attempt, detached.id)]
    with contextlib.suppress(OutOfFixtures, Absent):
        steps = attach_and_detach(scene, MINIMAL)
        if all(step.exchange.is_success for step in steps):
            return [*steps, scene.attach(attempt, steps[0].bindings["payment_method"])]
    return []


@clause("stripe.already-attached")
def test_already_attached(scene: Scene) -> None:
    """A payment method of another customer is an invalid request, and no conflict."""
    scene.needs.state()
    first = scene.attach(MINIMAL, role="set-up")
    takeover = scene.attach(stripe.FOR_OTHER_CUSTOMER, first)
    scene.expect(judge.rejected_as_required, first, takeover)


@clause("stripe.same-customer")
def test_same_customer_again(scene: Scene) -> None:
    """Attaching again to the same customer succeeds: a client may retry without a key."""
    scene.needs.state()
    first = scene.attach(MINIMAL, role="set-up")
    again = [scene.attach(stripe.AGAIN, first) for _ in range(2)]
    scene.expect(judge.accepted_again, first, *again)


@clause("stripe.detached-reattach")
def test_detached(scene: Scene) -> None:
    """A detached payment method is used up for good: a customer's card does not come back unasked."""
    expect_no_return(scene)


@clause("stripe.detached-reattach-status")
def test_status_of_detached(scene: Scene) -> None:
    """To attach a detached payment method is an invalid request."""
    expect_no_return(scene)


def expect_no_return(scene: Scene) -> None:
    """Expect attaches of a detached card, to another customer and to the same, to be rejected."""
    scene.needs.state()
    if not scene.needs.has("detach"):
        scene.needs.unmet(NO_DETACHING)
    attached, detached, *rest = attach_again_after_detaching(scene, MINIMAL, stripe.AGAIN)
    if attached.exchange.is_success and detached.exchange.is_refusal:
        scene.needs.unmet(NO_DETACHING)
    scene.expect(judge.rejected_as_required, attached, detached, *rest)


@clause("stripe.card-declined")
def test_declining_token(scene: Scene) -> None:
    """The shared token that declines is rejected with the codes that clients show their users."""
    scene.needs.state()
    attempt = stripe.WITH_DECLINING_TOKEN
    own = scene.api.own_customer()

    step = scene.attach(attempt, attempt.path_id, to=own or "")
    if step.exchange.status == 404 or step.exchange.error.get("code") == "resource_missing":
        scene.needs.unmet(NO_DECLINING_TOKEN)
    if step.exchange.is_success:
        unheard_of = scene.attach(attempt.but(path_id=UNHEARD_OF_TOKEN), UNHEARD_OF_TOKEN)
        if unheard_of.exchange.is_success:
            scene.needs.unmet(NO_DECLINING_TOKEN)
    lists = scene.api.list_whole(own) if own else []

    scene.expect(judge.rejected_as_required, step, *lists)


@in_turn("a declined card")
@clause("stripe.card-declined")
def test_declining_card(scene: Scene) -> None:
    """A payment method made from a declining card is declined when it is attached, each time."""
    scene.expect(judge.rejected_as_required, *declined_twice(scene))


@in_turn("a declined card")
@clause("stripe.card-declined", quick=True, last=True)
def test_declined_stays_unattached(scene: Scene) -> None:
    """A card that was declined belongs to nobody, and is not saved by the next attach of another one."""
    steps = declined_twice(scene)
    others = [scene.attach(MINIMAL, role="set-up")] if scene.is_confirmation else []
    scene.expect(judge.rejected_as_required, *steps, *others, *scene.api.read_back(steps[1]))


def declined_twice(scene: Scene) -> list[Step]:
    """Return two attaches of a declining card, made once for all tests."""
    return scene.shared(DECLINED, lambda: attach_declining_card(scene), is_whole=all_answered)


def attach_declining_card(scene: Scene) -> list[Step]:
    """Return two attaches of a payment method made from a card that declines."""
    scene.needs.state()
    way = scene.stage.fixtures.provision.payment_methods
    card = scene.api.create_from(*DECLINING_FORMS.get(way, ()))
    if card is None:
        scene.needs.unmet(NO_DECLINING_CARD)

    steps = [scene.attach(stripe.WITH_DECLINING_CARD, card) for _ in range(2)]
    if steps[0].exchange.is_success and scene.api.create_from(UNHEARD_OF_FORMS[way]) is not None:
        scene.needs.unmet(NO_DECLINING_CARD)
    return steps


@clause("stripe.test-tokens", also=("expand.inlined",))
def test_shared_token(scene: Scene) -> None:
    """Every test suite attaches `pm_card_visa` over and over: each time it is a new payment method.

    It is answered like any other, with the customer expanded where that is asked for. So is, where it is known, the
    token of a card that is declined only later, when it is charged.
    """
    scene.needs.state()
    first = stripe.WITH_SHARED_TOKEN
    is_expanded = scene.needs.is_sound("expand.accepted", "expand.inlined")
    if is_expanded:
        first = stripe.SHARED_TOKEN_EXPANDED
    also = [("expand.inlined", judge.object_or_rejected)] if is_expanded else []

    steps = [scene.attach(attempt, attempt.path_id) for attempt in (first, stripe.WITH_SHARED_TOKEN)]
    steps.append(attach_token_for_other(scene))
    scene.expect(judge.cloned, *steps, also=also)


def attach_token_for_other(scene: Scene) -> Step:
    """Return the attach, to another customer, of the token that fails later, or of the usual one if it is unknown.

    The usual one is taken, too, where an answer is known to show another card than that of the payment method.
    """
    if not scene.needs.is_sound("state.same-object"):
        return scene.attach(stripe.SHARED_TOKEN_FOR_OTHER, stripe.SHARED_TOKEN)
    failing_later = scene.attach(stripe.FAILING_LATER_FOR_OTHER, stripe.FAILING_LATER)
    is_declined = failing_later.exchange.error.get("type") == "card_error"
    if failing_later.exchange.is_refusal and not is_declined:
        return scene.attach(stripe.SHARED_TOKEN_FOR_OTHER, stripe.SHARED_TOKEN)
    return failing_later


@in_turn("a replay on a token")
@clause("stripe.test-tokens", further=True)
def test_shared_token_is_kept(scene: Scene) -> None:
    """A shared token becomes the customer's like any other card: it is on the list."""
    scene.needs.state()
    scene.needs.sound("state.listed")
    scene.expect(judge.cloned_and_listed, *replay_on_token(scene, stripe.WITH_SHARED_TOKEN, "a success"))


@clause("stripe.parameter-unknown", also=("body.unknown-parameter",), further=True, last=True, quick=True)
def test_unknown_parameters_of_shared_token(scene: Scene) -> None:
    """A body is checked for every payment method: several unknown parameters are rejected for a shared token, too.

    The first is named as it is, though it is sent with an escape in it.
    """
    is_decoded = scene.needs.is_sound("request.equivalent-encodings")
    attempt = stripe.SEVERAL_UNKNOWN_IN_ESCAPES if is_decoded else stripe.SEVERAL_UNKNOWN
    expect_refused_of_token(scene, attempt, "body.unknown-parameter")


@clause("stripe.resource-missing-customer", also=("state.unknown-customer",), further=True, last=True, quick=True)
def test_unknown_customer_of_shared_token(scene: Scene) -> None:
    """A customer is looked up for every payment method: a shared token does not go to nobody."""
    expect_refused_of_token(scene, stripe.NULL_CUSTOMER, "state.unknown-customer")


def expect_refused_of_token(scene: Scene, attempt: Attempt, also: str) -> None:
    """Expect an attempt to be rejected as required on a shared token, or on any card where tokens are not known."""
    if scene.needs.is_sound("stripe.test-tokens") and not scene.stage.fixtures.provision.stateless:
        of_token = stripe.of_shared_token(attempt)
        step = scene.attach(of_token, of_token.path_id)
    else:
        step = scene.sample(attempt)
    scene.expect(judge.rejected_as_required, step, also=[(also, judge.rejected)])
