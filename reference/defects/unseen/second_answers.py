"""Answers: JSON that is almost JSON, members that are almost right, errors that say too much."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

from ...auth import sent_key
from ...behaviour import Behaviour
from ...call import Call
from ...errors import Refusal
from ...values import Answer, Json
from ..registry import Chapter
from ..tools import edit_answer, edit_body, edit_errors, edit_refusals, edit_success, on_attach

seed = Chapter("answers", "contract")

ESCAPE = re.compile(rb"\\(?:u00([01][0-9a-f])|(.))")
CONTROLS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


@seed("response.json", "medium", also=("error.envelope",))
def apostrophes_escaped_as_in_javascript(b: Behaviour) -> None:
    r"""Errors write an apostrophe as `\'`, which is legal in JavaScript and not in JSON."""
    edit_body(b, lambda body: body.replace(b"'", b"\\'"), success=False)


@seed("response.json", "hard", also=("error.envelope",))
def control_characters_not_escaped(b: Behaviour) -> None:
    """The JSON writer escapes quotes and backslashes alone; control characters quoted back are raw."""
    usual = b.dump

    def unescaped(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes([int(match[1], 16)])
        return CONTROLS.get(match[2], match[0])

    b.dump = on_attach(usual, lambda call, payload: ESCAPE.sub(unescaped, usual(call, payload)))


@seed("response.metadata", "easy", also=("response.schema", "state.same-object"))
def empty_metadata_is_an_array(b: Behaviour) -> None:
    """Empty metadata is shown as `[]`, as PHP does with an empty array."""

    def edit(call: Call, payload: Json) -> None:
        if payload["metadata"] == {}:
            payload["metadata"] = []

    edit_success(b, edit)


@seed("error.envelope", "medium", also=("stripe.parameter-unknown",))
def several_mistakes_in_a_list(b: Behaviour) -> None:
    """Where several parameters are unknown the body is `{"errors": […]}` instead of one `error`."""

    def edit(error: Json) -> Any:
        names = str(error["message"]).partition("unknown parameters: ")[2]
        if not names:
            return None
        return {"errors": [error | {"param": name} for name in names.split(", ")]}

    edit_errors(b, edit)


@seed("error.no-secrets", "easy")
def key_in_the_log_url(b: Behaviour) -> None:
    """The link to the request's log carries the API key, so that the dashboard need not ask."""

    def edit(call: Call, answer: Answer) -> Answer:
        if answer.status < 400 or "request_log_url" not in answer.payload["error"]:
            return answer
        payload = copy.deepcopy(answer.payload)
        payload["error"]["request_log_url"] += f"&api_key={sent_key(call)}"
        return replace(answer, payload=payload)

    edit_answer(b, edit)


@seed("error.no-internals", "medium", level="SHOULD")
def apostrophe_shows_the_query(b: Behaviour) -> None:
    """An unknown customer with an apostrophe in its id is refused with the database's words and the SQL."""

    def edit(refusal: Refusal) -> Refusal:
        if refusal.message.count("'") < 3:
            return refusal
        sql = "SELECT id, email, created FROM customers WHERE account_id = 7 AND id = '"
        return replace(refusal, message=f'sqlite3.OperationalError: near "x": syntax error: {sql}')

    edit_refusals(b, ["no-such-customer"], edit)
