"""Servers that end their connections early, which RFC 9112 section 9.3 leaves to them."""

from __future__ import annotations

from dataclasses import replace

from ..behaviour import Behaviour
from ..call import Call
from ..values import Farewell, Response
from .registry import STRIPE, Variants
from .wire import send

variant = Variants()


def leave_after(b: Behaviour, count: int, farewell: Farewell) -> None:
    """End each connection after `count` answers, without announcing it."""

    def change(call: Call, response: Response) -> Response:
        is_last = call.request.position % count == 0
        return replace(response, farewell=farewell) if is_last and not response.close else response

    send(b, change)


@variant(STRIPE)
def closes_after_each(b: Behaviour) -> None:
    """Every connection ends after one answer, which does not announce it."""
    leave_after(b, 1, Farewell())


@variant(STRIPE)
def closes_after_two(b: Behaviour) -> None:
    """Every connection ends after two answers, unannounced."""
    leave_after(b, 2, Farewell())


@variant(STRIPE)
def closes_after_three(b: Behaviour) -> None:
    """Every connection ends after three answers, unannounced."""
    leave_after(b, 3, Farewell())


@variant(STRIPE)
def closes_after_five(b: Behaviour) -> None:
    """Every connection ends after five answers, unannounced."""
    leave_after(b, 5, Farewell())


@variant(STRIPE)
def closes_after_ten(b: Behaviour) -> None:
    """Every connection ends after ten answers, unannounced."""
    leave_after(b, 10, Farewell())


@variant(STRIPE)
def closes_after_twenty(b: Behaviour) -> None:
    """Every connection ends after twenty answers, unannounced."""
    leave_after(b, 20, Farewell())


@variant(STRIPE)
def resets_after_each(b: Behaviour) -> None:
    """Every connection is reset after one answer."""
    leave_after(b, 1, Farewell(reset=True))


@variant(STRIPE)
def resets_after_five(b: Behaviour) -> None:
    """Every connection is reset after five answers."""
    leave_after(b, 5, Farewell(reset=True))


@variant(STRIPE)
def closes_soon_after_each(b: Behaviour) -> None:
    """Every connection ends 2 ms after one answer, unannounced: about when the next request comes."""
    leave_after(b, 1, Farewell(after=0.002))


@variant(STRIPE)
def lingers_after_each(b: Behaviour) -> None:
    """Every connection ends after one answer, unannounced, and what comes by then is read and left."""
    leave_after(b, 1, Farewell(lingers=True))


@variant(STRIPE)
def lingers_soon_after_each(b: Behaviour) -> None:
    """As `lingers-after-each`, 2 ms later: the next request is often on its way by then."""
    leave_after(b, 1, Farewell(after=0.002, lingers=True))


@variant(STRIPE)
def lingers_after_five(b: Behaviour) -> None:
    """Every connection ends after five answers, unannounced, and what comes by then is read and left."""
    leave_after(b, 5, Farewell(lingers=True))


@variant(STRIPE)
def closes_when_idle(b: Behaviour) -> None:
    """A connection on which nothing comes for 50 ms is closed, unannounced."""
    give_up_after(b, 0.05)


@variant(STRIPE)
def closes_when_idle_for_a_moment(b: Behaviour) -> None:
    """A connection on which nothing comes for 3 ms is closed, unannounced."""
    give_up_after(b, 0.003)


def give_up_after(b: Behaviour, seconds: float) -> None:
    """Close connections that are idle for so long."""
    b.idle = seconds


@variant(STRIPE)
def http_1_0_without_length(b: Behaviour) -> None:
    """Answers are HTTP/1.0, and end where their connection ends: no Content-Length, no Connection."""

    def change(call: Call, response: Response) -> Response:
        return replace(response, protocol="HTTP/1.0", until_close=True, close=True)

    send(b, change)
