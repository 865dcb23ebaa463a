"""One small way to ask a server something over HTTP."""

import http.client
import json
from typing import Any

from lakemint.stack.program import NotReady


def ask(
    port: int,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: dict[str, str] | None = None,
) -> Any:
    """The JSON that a server on this machine answers ({} for anything else).

    Raises NotReady when it does not answer within 5 s, or with an error.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    sent = {"Content-Type": "application/json"} if body else {}
    try:
        connection.request(method, path, json.dumps(body) if body else None, {**sent, **(headers or {})})
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"no answer on port {port} ({error or type(error).__name__})") from error
    finally:
        connection.close()
    if answer.status >= 400:
        raise NotReady(f"{path} answers {answer.status} {answer.reason}")
    try:
        return json.loads(content)
    except ValueError:
        return {}
