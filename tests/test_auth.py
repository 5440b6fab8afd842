"""Authentication: a client without a valid key gets 401, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from conformance import judge
from conformance.evidence.exchange import cookies_set
from conformance.scenes.comparing import compare_with_sample
from conformance.scenes.keys import replay
from conformance.scenes.marks import clause, each, in_turn
from conformance.scenes.scene import Scene
from conformance.scenes.stories import expect_locked_out
from strategies import Comparison, credentials, headers
from strategies.refusals import NO_PAYMENT_METHOD
from strategies.stripe import with_header
from strategies.valid import MINIMAL


@clause("auth.missing")
def test_no_key(scene: Scene) -> None:
    """Without a key the answer is 401: a client that forgets it must learn of it from the mock."""
    expect_locked_out(scene, (credentials.WITHOUT_KEY,))


@in_turn("a replay")
@clause("auth.missing", further=True)
def test_no_key_and_a_replay(scene: Scene) -> None:
    """A stored answer is for clients that have the key of the account: an idempotency key is not enough."""
    first, _, without_key, _ = replay(scene, MINIMAL)
    scene.expect(judge.locked_out, replace(first, role="set-up"), without_key)


@clause("auth.missing", further=True)
def test_no_key_but_a_session(scene: Scene) -> None:
    """The cookie of an earlier answer is no key: a client that forgets the key must learn of it, session or not."""
    earlier = scene.sample(MINIMAL, role="set-up")
    cookies = cookies_set(earlier.exchange)
    if not cookies:
        scene.needs.end()
    with_cookie = with_header(credentials.WITHOUT_KEY, "Cookie", "; ".join(cookies), "with a cookie and no key")
    scene.expect(judge.locked_out, earlier, scene.send(with_cookie))


@clause("auth.malformed")
def test_no_secret_key(scene: Scene) -> None:
    """An Authorization header that holds no secret key is worth as little as none."""
    expect_locked_out(scene, tuple(credentials.malformed()))


@clause("auth.exact-credentials")
def test_almost_a_scheme(scene: Scene) -> None:
    """A server that searches the header for a key serves clients that the real service turns away."""
    control = scene.sample(NO_PAYMENT_METHOD, role="control")

    scene.expect(judge.locked_out, control, *map(scene.sample, credentials.inexact()))


@clause("auth.empty")
def test_empty_key(scene: Scene) -> None:
    """An empty key, which an unset variable makes of every client, is no key."""
    expect_locked_out(scene, tuple(credentials.empty()))


@clause("auth.unknown-key")
def test_unknown_key(scene: Scene) -> None:
    """A well-formed key of no account is rejected: a server that takes any key hides the wrong one."""
    expect_locked_out(scene, tuple(credentials.unknown_keys()))


@clause("auth.unknown-key", further=True)
def test_resembling_key(scene: Scene) -> None:
    """A key counts as a whole: a longer one, a shorter one and one in another case belong to no account."""
    expect_locked_out(scene, tuple(credentials.resembling_keys()))


@in_turn("a replay")
@clause("auth.unknown-key", further=True)
def test_unknown_key_and_a_replay(scene: Scene) -> None:
    """An idempotency key belongs to an account: no other client gets the stored answer."""
    first, _, _, with_unknown_key = replay(scene, MINIMAL)
    scene.expect(judge.locked_out, replace(first, role="set-up"), with_unknown_key)


@clause("auth.schemes")
def test_either_scheme(scene: Scene) -> None:
    """Libraries send the key as a Bearer token, curl users as the Basic user name: both work."""
    by_bearer = scene.attach(credentials.BY_BEARER)
    by_basic = scene.attach(credentials.BY_BASIC)
    scene.expect(judge.either_scheme, by_bearer, by_basic)


@clause("auth.scheme-capitals")
@each("comparison", headers.SCHEMES_IN_LOWER_CASE, quick=2)
def test_scheme_in_lower_case(scene: Scene, comparison: Comparison) -> None:
    """Names of schemes know no case (RFC 9110 section 11.1): some clients write `bearer`."""
    compare_with_sample(scene, comparison)


@clause("auth.first")
def test_key_before_all_else(scene: Scene) -> None:
    """A client without a key learns nothing of what exists, nor of what else is wrong."""
    wrong = credentials.otherwise_wrong()
    steps = [scene.send(credentials.unauthenticated(one, credentials.NO_KEY, "no key")) for one in wrong]
    if scene.needs.is_sound("auth.unknown-key"):
        steps.append(scene.sample(credentials.unknown_keys()[0], role="control"))
        steps.append(scene.send(credentials.unauthenticated(wrong[0], credentials.unknown_key(0), "an unknown key")))
    scene.expect(judge.key_first, *steps)


@clause("auth.challenge")
def test_challenge(scene: Scene) -> None:
    """A 401 says how to authenticate (RFC 9110 section 11.6.1), and Stripe says Bearer."""
    rejected = (credentials.WITHOUT_KEY, *credentials.unknown_keys())
    scene.expect(judge.challenged, *map(scene.sample, rejected))


@clause("auth.challenge", further=True)
def test_challenge_of_what_is_no_key(scene: Scene) -> None:
    """The 401 is the same for credentials of every kind."""
    rejected = (*credentials.malformed(), *credentials.empty())
    scene.expect(judge.challenged, *map(scene.sample, rejected))
