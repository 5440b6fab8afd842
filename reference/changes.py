"""Ways to change a behaviour: replace or wrap one step, or edit what it returns, mostly at the attach URL only.

The seeded defects and the conforming variants are made of them. Each returns a `Change`, a function of the behaviour,
so that most of them serve as a decorator, too: of the function that takes the place of a step, or that edits an answer.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from .app import write_answer
from .behaviour import Amend, Behaviour, Check, Finish, Guard, Present, Serve
from .call import Call
from .rules.attach import Attempt
from .rules.checks import KNOWN
from .rules.errors import ApiError, Rejection, unauthorized, unknown_parameters
from .wire.values import Answer, Json, Response

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
T = TypeVar("T")

Change = Callable[[Behaviour], None]
"""A change of one behaviour: what a defect or a variant does."""

How = Callable[[Any], Change]
"""A way to make a change of a function."""


def change(helper: Callable[Concatenate[Behaviour, P], None]) -> Callable[P, Change]:
    """Return the helper without its first argument, the behaviour: it then returns a `Change`."""

    def prepare(*args: P.args, **kwargs: P.kwargs) -> Change:
        return lambda b: helper(b, *args, **kwargs)

    return prepare


def as_it_is(change: Change) -> Change:
    """Return the change: the decorated function takes a behaviour and changes it."""
    return change


def apply(b: Behaviour, how: How) -> Callable[[F], F]:
    """Return a decorator that changes a behaviour with a function at once."""

    def decorate(function: F) -> F:
        how(function)(b)
        return function

    return decorate


# One step.


def override(step: str, value: Any) -> Change:
    """Put a function in the place of a step, or a value in the place of a number."""
    return lambda b: setattr(b, step, value)


def wrap(step: str, **memory: Callable[[], Any]) -> How:
    """Return a decorator for a function that takes the place of a step, with the usual step as its first argument.

    Of each `memory` every server gets its own, as a keyword argument.
    """

    def decorate(function: Callable[..., Any]) -> Change:
        return lambda b: setattr(b, step, partial(function, getattr(b, step), **remember(memory)))

    return decorate


def wrap_at_attach(step: str, **memory: Callable[[], Any]) -> How:
    """Return a decorator as `wrap` does, for a function that is called at the attach URL only."""

    def decorate(function: Callable[..., Any]) -> Change:
        def apply(b: Behaviour) -> None:
            usual = getattr(b, step)
            setattr(b, step, on_attach(usual, partial(function, usual, **remember(memory))))

        return apply

    return decorate


def remembering(how: How, **memory: Callable[[], Any]) -> How:
    """Return a decorator as `how` is one, for a function with a memory."""

    def decorate(function: Callable[..., Any]) -> Change:
        return lambda b: how(partial(function, **remember(memory)))(b)

    return decorate


def remember(memory: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Return the memory of a new server."""
    return {name: make() for name, make in memory.items()}


def on_attach(
    usual: Callable[Concatenate[Call, P], T], changed: Callable[Concatenate[Call, P], T]
) -> Callable[Concatenate[Call, P], T]:
    """Return a step that is the changed one at the attach URL and the usual one elsewhere."""

    def step(call: Call, /, *args: P.args, **kwargs: P.kwargs) -> T:
        chosen = changed if call.is_attach else usual
        return chosen(call, *args, **kwargs)

    return step


# The checks before attaching.


def override_check(name: str, function: Callable[..., Any]) -> Change:
    """Put a function in the place of a check."""
    return lambda b: b.checks.update({name: function})


def wrap_check(name: str, **memory: Callable[[], Any]) -> How:
    """Return a decorator as `wrap` does, for a function that takes the place of a check."""

    def decorate(function: Callable[..., Any]) -> Change:
        return lambda b: b.checks.update({name: partial(function, b.checks[name], **remember(memory))})

    return decorate


@change
def drop_check(b: Behaviour, name: str) -> None:
    """Leave a check out."""
    del b.checks[name]


@change
def check_first(b: Behaviour, name: str, check: Callable[[Call, Attempt], None]) -> None:
    """Make one more check, before all the others."""
    b.checks = {name: check} | b.checks


def check_after(name: str, more: Callable[[Call, Attempt], None]) -> Change:
    """Do something more right after a check has passed."""

    @wrap_check(name)
    def both(usual: Check, call: Call, attempt: Attempt) -> None:
        usual(call, attempt)
        more(call, attempt)

    return both


def skip_check(name: str, when: Callable[[Call, Attempt], bool]) -> Change:
    """Forget a check in some cases."""

    @wrap_check(name)
    def sometimes(usual: Check, call: Call, attempt: Attempt) -> None:
        if not when(call, attempt):
            usual(call, attempt)

    return sometimes


def tolerate(ignored: Callable[[Call, str], bool]) -> Change:
    """Accept the unknown parameters that `ignored` names."""

    def check(call: Call, attempt: Attempt) -> None:
        unknown = [str(name) for name in call.parameters.tree if name not in KNOWN]
        names = [name for name in unknown if not ignored(call, name)]
        if names:
            raise unknown_parameters(names)

    return override_check("unknown-parameters", check)


def customers_sent(call: Call) -> list[str]:
    """Return every value that was sent for `customer`, in order."""
    return [value for name, value in call.parameters.pairs if name == "customer"]


def expands(call: Call) -> bool:
    """Return whether the request has an `expand` of any form."""
    return "expand" in call.parameters.tree


# The answers at the attach URL.


def edit_success(edit: Callable[[Call, Json], Any]) -> Change:
    """Change the JSON of a successful attach; a body that `edit` returns takes its place."""

    @wrap("present")
    def present(usual: Present, call: Call, answer: Answer) -> Answer:
        answer = usual(call, answer)
        if not call.is_attach or answer.status != 200:
            return answer
        payload = copy.deepcopy(answer.payload)
        changed = edit(call, payload)
        return replace(answer, payload=payload if changed is None else changed)

    return present


def edit_card(edit: Callable[[Json], object]) -> Change:
    """Change the card of a successful attach."""

    def change(call: Call, payload: Json) -> None:
        if "card" in payload:
            edit(payload["card"])

    return edit_success(change)


def edit_errors(edit: Callable[[Json], Any], status: int | None = None) -> Change:
    """Change the error of a rejection, or the whole body if `edit` returns one."""

    @wrap("present")
    def present(usual: Present, call: Call, answer: Answer) -> Answer:
        answer = usual(call, answer)
        if not call.is_attach or answer.status < 400 or status not in (None, answer.status):
            return answer
        payload = copy.deepcopy(answer.payload)
        changed = edit(payload["error"])
        return replace(answer, payload=payload if changed is None else changed)

    return present


def edit_answer(edit: Callable[[Call, Answer], Answer]) -> Change:
    """Change status or headers of an attach answer."""
    return wrap_at_attach("present")(lambda usual, call, answer: edit(call, usual(call, answer)))


def edit_response(edit: Callable[[Call, Response], Response], *, success: bool) -> Change:
    """Change the response to an attach that succeeds, or to one that does not."""

    @wrap("finish")
    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        wanted = call.is_attach and (response.status < 300) == success
        return edit(call, response) if wanted else response

    return finish


def edit_body(edit: Callable[[bytes], bytes], *, success: bool) -> Change:
    """Change the body of such a response, as bytes."""
    return edit_response(lambda call, response: replace(response, body=edit(response.body)), success=success)


def edit_rejections(rules: Iterable[str], edit: Callable[[Rejection], Rejection]) -> Change:
    """Change the rejections of some rules at the attach URL."""
    wanted = frozenset(rules)

    @wrap("amend")
    def amend(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
        rejection = usual(call, rejection)
        return edit(rejection) if call.is_attach and rejection.rule in wanted else rejection

    return amend


def rejection(status: int, message: str, code: str | None = None, param: str | None = None) -> ApiError:
    """Return a rejection that no rule of the reference knows."""
    return ApiError(Rejection("seeded", status, message, code=code, param=param))


# Whole requests.


def crash(call: Call) -> Response:
    """Answer with an internal server error, well described."""
    call.authenticated = True
    error = {"message": "An unexpected error occurred.", "type": "api_error"}
    return write_answer(call, Answer(500, {"error": error}))


def is_authentic(call: Call) -> bool:
    """Return whether the request shows the account's key."""
    try:
        call.behaviour.authenticate(call)
    except ApiError:
        return False
    return True


def interrupt(when: Callable[[Call], bool], answer: Callable[[Call], Response]) -> Change:
    """Answer some authenticated attach requests without the usual steps."""

    @wrap("serve")
    def serve(usual: Serve, call: Call) -> Response:
        return answer(call) if call.is_attach and is_authentic(call) and when(call) else usual(call)

    return serve


def counter(period: int) -> Callable[[], bool]:
    """Return a function that is true at every `period`th call."""
    turns: Iterator[int] = iter(range(1, 1 << 62))
    return lambda: next(turns) % period == 0


def take_key_by(wanted: str, where: Callable[[Call], bool] = lambda call: True) -> Change:
    """Take the key by one scheme of authentication only, in the calls that `where` accepts."""

    @wrap("authenticate")
    def authenticate(usual: Guard, call: Call) -> None:
        usual(call)
        scheme = (call.request.header("authorization") or "").partition(" ")[0].lower()
        if where(call) and scheme != wanted:
            call.authenticated = False
            raise unauthorized(f"Use {wanted}.")

    return authenticate
