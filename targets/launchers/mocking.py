"""What Connexion's mocking needs here: any key is taken, and what it makes up is the same in each run.

It refuses every request until somebody says what a key means.
"""

import random

random.seed(1)


def accept(*_credentials: object, **_request: object) -> dict[str, str]:
    """Whose key it is: anybody's."""
    return {"sub": "anybody"}
