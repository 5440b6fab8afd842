"""What the seeded defects are made with: small ways to wrap one step, at the attach URL only."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar

from ..app import written
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..errors import ApiError, Refusal, unknown_parameters
from ..rules import KNOWN
from ..values import Answer, Json, Response

P = ParamSpec("P")
T = TypeVar("T")
Test = Callable[[Call], bool]


def on_attach(
    usual: Callable[Concatenate[Call, P], T], changed: Callable[Concatenate[Call, P], T]
) -> Callable[Concatenate[Call, P], T]:
    """The changed step at the attach URL, the usual one elsewhere."""

    def step(call: Call, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return (changed if call.is_attach else usual)(call, *args, **kwargs)

    return step


def refused(status: int, message: str, code: str | None = None, param: str | None = None) -> ApiError:
    """A refusal of one's own."""
    return ApiError(Refusal("seeded", status, message, code=code, param=param))


def check_first(b: Behaviour, name: str, check: Callable[[Call, Attempt], None]) -> None:
    """Ask one more rule, before all the others."""
    b.checks = {name: check} | b.checks


def check_after(b: Behaviour, name: str, more: Callable[[Call, Attempt], None]) -> None:
    """Do something more right after a rule has been passed."""
    usual = b.checks[name]

    def both(call: Call, attempt: Attempt) -> None:
        usual(call, attempt)
        more(call, attempt)

    b.checks[name] = both


def skip_check(b: Behaviour, name: str, when: Callable[[Call, Attempt], bool]) -> None:
    """Forget to ask a rule, in some cases."""
    usual = b.checks[name]

    def sometimes(call: Call, attempt: Attempt) -> None:
        if not when(call, attempt):
            usual(call, attempt)

    b.checks[name] = sometimes


def tolerate(b: Behaviour, ignored: Callable[[Call, str], bool]) -> None:
    """Let unknown parameters pass where the test says so."""

    def check(call: Call, attempt: Attempt) -> None:
        unknown = [str(name) for name in call.parameters.tree if name not in KNOWN]
        names = [name for name in unknown if not ignored(call, name)]
        if names:
            raise unknown_parameters(names)

    b.checks["unknown-parameters"] = check


def customers_sent(call: Call) -> list[str]:
    """Every value that was sent for `customer`, in order."""
    return [value for name, value in call.parameters.pairs if name == "customer"]


def expands(call: Call) -> bool:
    """Whether the request has an `expand` of any form."""
    return "expand" in call.parameters.tree


def edit_success(b: Behaviour, edit: Callable[[Call, Json], Any]) -> None:
    """Change the JSON of a successful attach; what `edit` returns, if anything, replaces it."""
    usual = b.present

    def present(call: Call, answer: Answer) -> Answer:
        answer = usual(call, answer)
        if not call.is_attach or answer.status != 200:
            return answer
        payload = copy.deepcopy(answer.payload)
        changed = edit(call, payload)
        return replace(answer, payload=payload if changed is None else changed)

    b.present = present


def edit_card(b: Behaviour, edit: Callable[[Json], object]) -> None:
    """Change the card of a successful attach."""

    def change(call: Call, payload: Json) -> None:
        if "card" in payload:
            edit(payload["card"])

    edit_success(b, change)


def edit_errors(b: Behaviour, edit: Callable[[Json], Any], status: int | None = None) -> None:
    """Change the error of a refusal, or the whole body if `edit` returns one."""
    usual = b.present

    def present(call: Call, answer: Answer) -> Answer:
        answer = usual(call, answer)
        if not call.is_attach or answer.status < 400 or status not in (None, answer.status):
            return answer
        payload = copy.deepcopy(answer.payload)
        changed = edit(payload["error"])
        return replace(answer, payload=payload if changed is None else changed)

    b.present = present


def edit_answer(b: Behaviour, edit: Callable[[Call, Answer], Answer]) -> None:
    """Change status or headers of an attach answer."""
    usual = b.present
    b.present = on_attach(usual, lambda call, answer: edit(call, usual(call, answer)))


def edit_response(b: Behaviour, edit: Callable[[Call, Response], Response], *, success: bool) -> None:
    """Change the bytes of a successful attach answer, or of one that is none."""
    usual = b.finish

    def finish(call: Call, response: Response) -> Response:
        response = usual(call, response)
        wanted = call.is_attach and (response.status < 300) == success
        return edit(call, response) if wanted else response

    b.finish = finish


def edit_body(b: Behaviour, edit: Callable[[bytes], bytes], *, success: bool) -> None:
    """Change the body of such an answer."""
    edit_response(b, lambda call, response: replace(response, body=edit(response.body)), success=success)


def edit_refusals(b: Behaviour, rules: Iterable[str], edit: Callable[[Refusal], Refusal]) -> None:
    """Change the refusals of some rules at the attach URL."""
    usual, wanted = b.amend, frozenset(rules)

    def amend(call: Call, refusal: Refusal) -> Refusal:
        refusal = usual(call, refusal)
        return edit(refusal) if call.is_attach and refusal.rule in wanted else refusal

    b.amend = amend


def crash(call: Call) -> Response:
    """An internal server error, well described."""
    call.authenticated = True
    error = {"message": "An unexpected error occurred.", "type": "api_error"}
    return written(call, Answer(500, {"error": error}))


def interrupt(b: Behaviour, when: Test, answer: Callable[[Call], Response]) -> None:
    """Answer some authenticated attach requests in another way altogether."""
    usual = b.serve

    def serve(call: Call) -> Response:
        return answer(call) if call.is_attach and is_authentic(call) and when(call) else usual(call)

    b.serve = serve


def is_authentic(call: Call) -> bool:
    """Whether the request shows the account's key."""
    try:
        call.behaviour.authenticate(call)
    except ApiError:
        return False
    return True


def counter(period: int) -> Callable[[], bool]:
    """True every so many times."""
    turns: Iterator[int] = iter(range(1, 1 << 62))
    return lambda: next(turns) % period == 0
