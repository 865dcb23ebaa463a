"""The annotator accounts of a replay, and the annotators' pseudonyms.

An account's password follows from `annotator_key` and its e-mail, so it is never lost with a file. Tokens,
and the passwords for people who want to look through an annotator's eyes, are in `<home>/annotators.json`.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lakemint.config import Config
from lakemint.errors import LabelStudioError, LabelStudioUnavailable
from lakemint.files import write_json
from lakemint.label.studio import LabelStudio, checked

if TYPE_CHECKING:
    import httpx

FILE = "annotators.json"


@dataclass(frozen=True)
class Account:
    """An annotator's account: Label Studio's id of it, and its own API token."""

    id: int
    email: str
    token: str = field(repr=False)


def email(dataset: str, number: int) -> str:
    """Of the annotator at a position from 1: `annotator-03@reviews.lakemint.local`."""
    return f"annotator-{number:02d}@{dataset.replace('_', '-')}.lakemint.local"


def pseudonym(key: str, address: str) -> str:
    """Who answered, without saying who: 16 hex digits of HMAC-SHA256 under the annotator key."""
    return _keyed(key, address).hex()[:16]


def open_accounts(
    studio: LabelStudio, config: Config, dataset: str, numbers: Iterable[int]
) -> dict[int, Account]:
    """Accounts by position, signed up through the invite link where they are missing.

    Raises LabelStudioError for an account that is there, but not with our password.
    """
    key = config.need("annotator_key")
    stored = _read(config.home)
    known = studio.users()
    accounts = {}
    for number in numbers:
        address = email(dataset, number)
        password = base64.urlsafe_b64encode(_keyed(key, f"password:{address}"))[:24].decode()
        token = stored.get(address, {}).get("token")
        if address not in known or not token or not _works(studio, token):
            token = _enter(studio, address, password, join=address not in known)
            stored[address] = {"password": password, "token": token}
            if config.home is not None:
                write_json(config.home / FILE, stored)
            known = known if address in known else studio.users()
        accounts[number] = Account(known[address], address, token)
    return accounts


def _keyed(key: str, text: str) -> bytes:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()


def _works(studio: LabelStudio, token: str) -> bool:
    try:
        studio.write("GET", "/api/current-user/whoami", token=token)
    except LabelStudioError:
        return False
    return True


def _enter(studio: LabelStudio, address: str, password: str, join: bool) -> str:
    """The account's own token, by its own session: signed up by the invite link, or logged in.

    After a sign-up without a reply, or one that is refused, we may be signed up already: log in.
    """
    import httpx

    login = "/user/login/"
    unanswered = None
    for path in (str(studio.get("/api/invite")["invite_url"]), login) if join else (login,):
        with httpx.Client(base_url=studio.url, timeout=60) as browser:
            try:
                if _submit(browser, path, address, password):
                    return _token(browser, studio.url)
            except httpx.TransportError as error:
                unanswered = error
    if unanswered is not None:
        raise LabelStudioUnavailable(
            f"Label Studio at {studio.url} does not answer; `lakemint doctor` tells what is down"
        ) from unanswered
    raise LabelStudioError(
        f"Label Studio at {studio.url} does not let {address} in: set the annotator_key that the account was "
        "made with, or take the account out there; and see that people may sign up by the invite link"
    )


def _token(browser: "httpx.Client", url: str) -> str:
    """The token of who is logged in.

    An account made while a project is deleted has none, and asking for it fails (500): meanwhile Label Studio
    1.23 turns all its signal handlers off, its maker of tokens too. Then it is made now.
    """
    path = "/api/current-user/token"
    try:
        return str(checked(browser.get(path), url)["token"])
    except LabelStudioUnavailable:
        headers = {"Referer": url, "X-CSRFToken": browser.cookies.get("csrftoken") or ""}
        return str(checked(browser.post("/api/current-user/reset-token", headers=headers), url)["token"])


def _submit(browser: "httpx.Client", path: str, address: str, password: str) -> bool:
    """Fill in a page's form; whether it let us in (it leads on then, else it shows the form again)."""
    page = browser.get(path)
    hidden = re.search(r'name="csrfmiddlewaretoken" value="([A-Za-z0-9]+)"', page.text)
    form = {"email": address, "password": password, "csrfmiddlewaretoken": hidden[1] if hidden else ""}
    return browser.post(path, data=form, headers={"Referer": str(page.url)}).is_redirect


def _read(home: Path | None) -> dict[str, dict[str, str]]:
    """What is stored; {} when it is lost or spoilt, since all of it can be had again."""
    try:
        stored = json.loads((home / FILE).read_text()) if home else {}
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}
