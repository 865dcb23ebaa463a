"""Label Studio's API, as far as the label stage needs it.

Reads are retried. Writes are not: a write whose reply is lost raises LabelStudioUnavailable, and who wrote
settles it by reading back.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lakemint.config import Config
from lakemint.errors import LabelStudioError, LabelStudioUnavailable

if TYPE_CHECKING:
    import httpx

Condition = Mapping[str, str | int]
"""One condition on the tasks wanted, in the words of Label Studio's data manager."""

PAGE = 500
"""Tasks a page: about 0.1 s of the server, and 0.5 MB with five short answers each."""
PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try."""
READ_SECONDS, WRITE_SECONDS = 60, 300


class LabelStudio:
    """One account's view of a Label Studio server. Safe to use from several threads."""

    def __init__(self, url: str, token: str) -> None:
        import httpx

        self.url = url.rstrip("/")
        self._client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Token {token}"},
            timeout=httpx.Timeout(READ_SECONDS, connect=5),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON answer; raises LabelStudioError, or LabelStudioUnavailable after the last try."""
        for pause in PAUSES:
            try:
                return self._send("GET", path, params=query)
            except LabelStudioUnavailable:
                time.sleep(pause)
        return self._send("GET", path, params=query)

    def write(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """Send once, as the account of `token` if given.

        Raises LabelStudioError when refused, LabelStudioUnavailable when it is unknown what happened.
        """
        headers = {"Authorization": f"Token {token}"} if token else {}
        return self._send(method, path, json=body, headers=headers, timeout=WRITE_SECONDS)

    def tasks(self, project: int, include: Sequence[str], *only: Condition) -> Iterator[list[dict[str, Any]]]:
        """Pages of a project's tasks by id, with the fields `id` and `include`; one page in memory.

        Tasks that come or change meanwhile shift no page: it starts after the last id and not at a number.
        """
        last = 0
        fields = ",".join(("id", *include))
        every = "all" if "annotations" in include else "task_only"
        while True:
            items = [_condition("id", "greater", "Number", last), *only]
            filters = {"conjunction": "and", "items": items}
            query = json.dumps({"filters": filters, "ordering": ["tasks:id"]})
            page: list[dict[str, Any]] = self.get(
                "/api/tasks/",
                project=project,
                page_size=PAGE,
                include=fields,
                fields=every,
                resolve_uri="false",
                query=query,
            )["tasks"]
            if page:
                yield page
                last = int(page[-1]["id"])
            if len(page) < PAGE:
                return

    def users(self) -> dict[str, int]:
        """Account id by e-mail, of everybody in the organization."""
        return {str(user["email"]): int(user["id"]) for user in self.get("/api/users/")}

    def _send(self, method: str, path: str, **options: Any) -> Any:
        import httpx

        try:
            reply = self._client.request(method, path, **options)
        except httpx.TransportError as error:
            raise LabelStudioUnavailable(
                f"Label Studio at {self.url} does not answer ({type(error).__name__}); "
                "`lakemint doctor` tells what is down"
            ) from error
        return checked(reply, self.url)


def checked(reply: "httpx.Response", url: str) -> Any:
    """The reply's JSON (None when it has none); raises as `LabelStudio.write` does."""
    path = reply.request.url.path
    if reply.status_code in (401, 403):
        raise LabelStudioError(
            f"Label Studio at {url} refuses the token for {path}: take the one of your account page "
            "(legacy tokens must be allowed for the organization) and set LAKEMINT_LABEL_STUDIO_TOKEN"
        )
    if reply.status_code >= 500 or reply.status_code == 429:
        raise LabelStudioUnavailable(
            f"Label Studio at {url} failed ({reply.status_code}) at {path}; "
            "`lakemint logs label-studio` tells why"
        )
    if reply.is_error or reply.is_redirect:
        raise LabelStudioError(
            f"Label Studio at {url} refused {reply.request.method} {path}: {_reason(reply)}"
        )
    if not reply.content:
        return None
    try:
        return reply.json()
    except ValueError as error:
        raise LabelStudioError(
            f"{url} answers, but not like Label Studio; mend LAKEMINT_LABEL_STUDIO_URL"
        ) from error


def connect(config: Config) -> LabelStudio:
    """The configured server, as the configured account. Opens no connection yet; raises ConfigError."""
    return LabelStudio(config.need("label_studio_url"), config.need("label_studio_token"))


def touched_since(moment: str) -> Condition:
    """Tasks made, answered or edited at that time (ISO, UTC) or later."""
    return _condition("updated_at", "greater_or_equal", "Datetime", moment)


def fewer_answers_than(number: int) -> Condition:
    """Tasks with fewer answers than that; skipped ones do not count."""
    return _condition("total_annotations", "less", "Number", number)


def _condition(field: str, operator: str, kind: str, value: str | int) -> Condition:
    return {"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}


def _reason(reply: "httpx.Response") -> str:
    """What the server says is wrong, short."""
    try:
        content: Mapping[str, Any] = reply.json()
        told = content.get("validation_errors") or content.get("detail") or content
    except (ValueError, AttributeError):
        told = reply.text
    return f"{reply.status_code} {str(told)[:300]}"
