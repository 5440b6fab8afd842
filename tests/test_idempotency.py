"""Idempotency keys: what is sent again after a lost answer must not happen twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.scenes.marks import clause, pinned
from conformance.scenes.target import Target
from strategies import Attempt, stripe
from strategies.valid import EXPANDED, MINIMAL


@clause("idempotency.replay")
def test_replay(target: Target) -> None:
    """The same request with the same key gets the first answer, which a client missed, and says that it is one."""
    target.replays(MINIMAL)


@clause("idempotency.replay", further=True)
def test_replay_after_a_change(target: Target) -> None:
    """A replay is the stored answer, not the state of today, in whatever order the parameters come again."""
    target.replays_after_a_change(EXPANDED)


@clause("idempotency.replay")
def test_replay_of_shared_token(target: Target) -> None:
    """A replay is not executed: a shared token, of which each attach makes a new one, is listed once."""
    target.replays_card(stripe.WITH_SHARED_TOKEN, "a success")


@clause("idempotency.replay")
def test_replay_of_decline(target: Target) -> None:
    """A decline is replayed like a success: the card is not asked a second time."""
    target.replays_card(stripe.WITH_DECLINING_TOKEN, "a decline")


@clause("idempotency.replay")
def test_keys_count_whole(target: Target) -> None:
    """Keys are compared whole and as they are: two clients' keys that are alike are still two."""
    target.tells_keys_apart(MINIMAL, stripe.AGAIN, stripe.OTHERWISE_EXPANDED)


@clause("idempotency.mismatch")
def test_other_parameters(target: Target) -> None:
    """A key that comes again with other parameters is a client's mistake, and is said to be one."""
    target.refuses_used_key(MINIMAL, stripe.FOR_OTHER_CUSTOMER, stripe.OTHERWISE_EXPANDED)


@clause("idempotency.mismatch", further=True)
def test_mismatch_is_not_executed(target: Target) -> None:
    """A mismatch is refused and not executed all the same: a shared token would be attached to a second customer."""
    target.executes_no_mismatch(stripe.SHARED_TOKEN_EXPANDED, stripe.WITH_SHARED_TOKEN, stripe.SHARED_TOKEN_FOR_OTHER)


@clause("idempotency.mismatch", further=True)
def test_other_parameters_after_a_decline(target: Target) -> None:
    """A stored decline is one answer to one request: told of another customer it would be false."""
    target.refuses_used_key_of_decline(stripe.WITH_DECLINING_TOKEN, stripe.DECLINING_TOKEN_FOR_OTHER)


@clause("idempotency.other-path")
def test_other_path(target: Target) -> None:
    """A key never brings another payment method's answer: a client would take it for its own."""
    target.keeps_key_to_path(MINIMAL, MINIMAL, "not_answered_for_another")


@clause("idempotency.other-path", further=True)
def test_other_endpoint(target: Target) -> None:
    """A key belongs to the endpoint that it was first used for: a customer is no answer to an attach."""
    target.keeps_key_to_endpoint(MINIMAL)


@clause("idempotency.other-path-type")
def test_other_path_type(target: Target) -> None:
    """A key that comes again on another path is refused with an error of a type of its own."""
    target.keeps_key_to_path(MINIMAL, MINIMAL, "refused_as_told")


@clause("idempotency.validation-not-stored")
@pinned("refused", stripe.refused_by_validation())
@given(refused=st.sampled_from(stripe.refused_by_validation()))
def test_key_after_validation(target: Target, refused: Attempt) -> None:
    """What validation refuses was not executed, so a client may correct the request and keep its key."""
    target.forgets_key_of(refused, MINIMAL)


@clause("idempotency.in-use")
def test_simultaneous_requests(target: Target) -> None:
    """A client that asks again too soon gets 409 or the answer, and one execution."""
    target.executes_once(stripe.WITH_SHARED_TOKEN, stripe.AGAIN)


@clause("idempotency.too-long")
def test_key_beyond_its_length(target: Target) -> None:
    """Keys have up to 255 characters; a longer one is refused, and not cut."""
    target.refuses_key(MINIMAL, stripe.LONGEST_KEY + 1)
