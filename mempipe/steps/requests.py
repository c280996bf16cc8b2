"""`requests/ID.json`: under the name that a DAG run chose, the store remembers where what it asked for is."""

import json
from typing import Any

from mempipe.places import request_key
from mempipe.storage import Store, put


def answer_request(root: Store, request: str | None, **answer: str) -> None:
    """Remember an answer, over an older one; nothing where nobody asked under a name."""
    if request is not None:
        put(root, request_key(request), (json.dumps(answer) + "\n").encode())


def read_answer(root: Store, request: str) -> dict[str, Any]:
    """Return what was remembered under a name.

    Raises:
        ObjectNotFoundError: nothing yet.
    """
    return dict(json.loads(root.read(request_key(request))))
