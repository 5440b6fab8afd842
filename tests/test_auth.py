"""Authentication: who presents no valid key is told so, and nothing else."""

from __future__ import annotations

from conformance.scenes.marks import clause
from conformance.scenes.target import Target
from strategies import credentials
from strategies.valid import MINIMAL


@clause("auth.missing")
def test_no_key(target: Target) -> None:
    """Without a key the answer is 401: a client that forgets it must learn of it from the mock."""
    target.locks_out(credentials.WITHOUT_KEY)


@clause("auth.missing", further=True)
def test_no_key_and_a_replay(target: Target) -> None:
    """A stored answer is for whoever has the key of the account: to know an idempotency key is not enough."""
    target.locks_out_of_replays(MINIMAL, credentials.WITHOUT_KEY)


@clause("auth.malformed")
def test_no_secret_key(target: Target) -> None:
    """An Authorization header that holds no secret key is worth as little as none."""
    target.locks_out(*credentials.malformed())


@clause("auth.empty")
def test_empty_key(target: Target) -> None:
    """An empty key, which an unset variable makes of every client, is no key."""
    target.locks_out(*credentials.empty())


@clause("auth.unknown-key")
def test_unknown_key(target: Target) -> None:
    """A well-formed key of no account is refused: to take any key hides the wrong one."""
    target.locks_out(*credentials.unknown_keys())


@clause("auth.unknown-key", further=True)
def test_resembling_key(target: Target) -> None:
    """A key is the whole of it: what begins like one, or is cut short, belongs to nobody."""
    target.locks_out(*credentials.resembling_keys())


@clause("auth.unknown-key", further=True)
def test_unknown_key_and_a_replay(target: Target) -> None:
    """An idempotency key belongs to an account: to nobody else it brings the stored answer."""
    target.locks_out_of_replays(MINIMAL, credentials.unknown_keys()[0])


@clause("auth.schemes")
def test_either_scheme(target: Target) -> None:
    """Libraries send the key as a Bearer token, curl users as the Basic user name: both work."""
    target.takes_key_by(credentials.BY_BEARER, credentials.BY_BASIC)


@clause("auth.first")
def test_key_before_all_else(target: Target) -> None:
    """Who has no key learns nothing of what exists, nor of what else is wrong."""
    target.asks_for_key_first(*credentials.otherwise_wrong())


@clause("auth.challenge")
def test_challenge(target: Target) -> None:
    """A 401 says how to authenticate (RFC 9110 section 11.6.1), and Stripe says Bearer."""
    target.challenges(credentials.WITHOUT_KEY, *credentials.unknown_keys())


@clause("auth.challenge", further=True)
def test_challenge_of_what_is_no_key(target: Target) -> None:
    """Whatever is wrong with the credentials, the 401 to them is the same."""
    target.challenges(*credentials.malformed(), *credentials.empty())
