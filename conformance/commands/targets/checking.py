"""The check that the commands of a target's recorded defects still show them."""

from __future__ import annotations

import contextlib
import os
import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.evidence.secret import Secret
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.probing import probe
from conformance.fixtures.provisioning import Unreachable
from conformance.targets.description import Defect, TargetDescription
from conformance.transport.client import DEFAULT_TIMEOUT, Address, Client
from conformance.verdict.settings import KEY_VARIABLE
from contracts import published_contract

SECONDS = 60


@dataclass(frozen=True)
class Check:
    """A recorded defect, and the present output of its command."""

    defect: Defect
    printed: str

    @property
    def shows(self) -> bool:
        """True if the defect still exists."""
        return re.search(self.defect.shows, self.printed, re.DOTALL) is not None


def check_defects(target: TargetDescription, defects: Sequence[Defect], base_url: str, key: Secret) -> Iterator[Check]:
    """Run the commands of `defects`, each on a payment method and customers of its own, until one ends the server."""
    with contextlib.closing(Client(Address(base_url), key, published_contract(), timeout=DEFAULT_TIMEOUT)) as client:
        for number, defect in enumerate(defects):
            try:
                provision = probe(client, target.payment_methods, target.customers)
            except Unreachable:
                return
            fixtures = Fixtures(client, provision, f"check{number}", random.Random(number))
            variables = {
                "URL": base_url,
                "PM": fixtures.methods.new(),
                "CUS": fixtures.customers.named("one"),
                "CUS2": fixtures.customers.named("two"),
                KEY_VARIABLE: key.reveal(),
            }
            yield Check(defect, key.blotted(_printed(defect.curl, variables)))
            fixtures.clean_up()


def _printed(command: str, variables: dict[str, str]) -> str:
    """Return the output of a shell command with these variables, its errors too."""
    try:
        done = subprocess.run(
            ["sh", "-c", command],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        return f"{(error.stdout or b'').decode(errors='replace')}\ntimed out after {SECONDS} s"
    return done.stdout.decode(errors="replace")
