"""Signatures: who vouches for what a version holds. Each is a record of its own, beside the version.

    published/<dataset>/signatures/<manifest's digest>/<key's id>.json
    {"format": "lakemint.signature/1", "dataset", "manifest": sha256, "key": sha256 of the raw public key,
     "signature": base64}

Ed25519 signs the pre-authentication encoding of DSSE v1 (github.com/secure-systems-lab/dsse, protocol.md) of
the type `application/vnd.lakemint.signature+json` and, as canonical JSON (RFC 8785), of the record without
`key` and `signature`. So it is good for one dataset's manifest, and for nothing else that the key ever signs.

The feed checks signatures too, with what a training image has: the checks here are plain.
"""

import base64
import json
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from lakemint.errors import ObjectNotFound, SignatureError
from lakemint.keys import PrivateKey, PublicKey, read_public_keys
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.store.base import Store

FORMAT: Final = "lakemint.signature/1"
MEDIA_TYPE: Final = b"application/vnd.lakemint.signature+json"
MAX_SIGNERS: Final = 100
"""Signatures of one version that are looked at, at most."""
_LONGEST: Final = 16 * 1024
"""Bytes of a record, at most."""
_RECORD: Final = re.compile(r"([0-9a-f]{64})\.json")


@dataclass(frozen=True)
class Signer:
    """A key that is said to have signed a version."""

    key: str
    """Its id."""
    verified: bool | None
    """Whether the signature is valid; None when the key is not among the trusted ones."""


def message(dataset: str, digest: str) -> bytes:
    """The bytes that are signed for a manifest."""
    return encoded(MEDIA_TYPE, _canonical({"format": FORMAT, "dataset": dataset, "manifest": digest}))


def encoded(media_type: bytes, body: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed for one type is good for no other."""
    return b"DSSEv1 %d %b %d %b" % (len(media_type), media_type, len(body), body)


def sign(store: Store, lake: Lake, dataset: str, digest: str, key: PrivateKey) -> bool:
    """Sign a manifest; returns whether this call did, and it was not signed before. Raises StoreError.

    The same key always writes the same bytes. A record that is no valid signature is replaced.
    """
    public = key.public
    if signed_by(store, lake, dataset, digest, public):
        return False
    record = {"format": FORMAT, "dataset": dataset, "manifest": digest, "key": public.id}
    signature = written_signature(key.sign(message(dataset, digest)))
    store.put(lake.signature(dataset, digest, public.id), _canonical({**record, "signature": signature}))
    return True


def signed_by(store: Store, lake: Lake, dataset: str, digest: str, key: PublicKey) -> bool | None:
    """Whether the key's signature of a manifest is valid; None when there is none. Raises StoreError."""
    try:
        with store.open(lake.signature(dataset, digest, key.id)) as stream:
            data = stream.read(_LONGEST + 1)
    except ObjectNotFound:
        return None
    return len(data) <= _LONGEST and _is_valid(data, dataset, digest, key)


def signers(store: Store, lake: Lake, dataset: str, digest: str, trusted: str) -> list[Signer]:
    """The keys that are said to have signed a manifest, those trusted by the setting `trusted` first.

    Raises ConfigError for trusted keys that cannot be read, and StoreError.
    """
    checked = {
        key.id: signed_by(store, lake, dataset, digest, key)
        for key in (read_public_keys(Path(trusted)) if trusted else ())
    }
    others = [name for name in _key_ids(store, lake, dataset, digest) if name not in checked]
    return [
        *(Signer(name, valid) for name, valid in checked.items() if valid is not None),
        *(Signer(name, None) for name in others),
    ]


def require_trusted(store: Store, lake: Lake, trusted: str, version: Reference, digest: str) -> None:
    """Raises SignatureError unless `distrust` has nothing to say, and what it raises."""
    if why := distrust(store, lake, trusted, version, digest):
        raise SignatureError(f"{version}: {why}")


def distrust(store: Store, lake: Lake, trusted: str, version: Reference, digest: str) -> str:
    """Why no trusted key vouches for the version's manifest, and the way out; empty when one does.

    Empty too when no keys are trusted in particular; see `signers`.
    """
    keys = read_public_keys(Path(trusted)) if trusted else []
    found = {key.id: signed_by(store, lake, version.dataset, digest, key) for key in keys}
    if not keys or any(found.values()):
        return ""
    broken = [name for name, valid in found.items() if valid is False]
    return _why(store, lake, version, digest, broken)


def _why(store: Store, lake: Lake, version: Reference, digest: str, broken: list[str]) -> str:
    """What there is instead of a trusted key's signature, and the way out."""
    sign = f"`lakemint version sign {version}`"
    if broken:
        where = lake.signature(version.dataset, digest, broken[0])
        return f"{where} is no valid signature; restore it from a copy, or have its owner sign again ({sign})"
    others = _key_ids(store, lake, version.dataset, digest)
    said = f"it has signatures of {_listed(others)}, none trusted here" if others else "nobody signed it"
    return (
        f"{said}; have its owner sign it ({sign}), or put the public key of who did into trusted_keys "
        "(LAKEMINT_TRUSTED_KEYS)"
    )


def _listed(ids: list[str]) -> str:
    return ", ".join(f"{name[:16]}…" for name in ids[:3]) + (", …" if len(ids) > 3 else "")


def _key_ids(store: Store, lake: Lake, dataset: str, digest: str) -> list[str]:
    """By the records' names alone, sorted."""
    prefix = lake.signatures(dataset, digest)
    names = (_RECORD.fullmatch(item.key.removeprefix(prefix)) for item in store.list(prefix))
    return sorted(name[1] for name in islice(filter(None, names), MAX_SIGNERS))


def _is_valid(data: bytes, dataset: str, digest: str, key: PublicKey) -> bool:
    try:
        record = json.loads(data)
        own = {"format": FORMAT, "dataset": dataset, "manifest": digest, "key": key.id}
        if not isinstance(record, dict) or not own.items() <= record.items():
            return False
        signature = read_signature(record["signature"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return False
    return signature is not None and key.has_signed(message(dataset, digest), signature)


def written_signature(signature: bytes) -> str:
    """Base64."""
    return base64.b64encode(signature).decode()


def read_signature(text: str) -> bytes | None:
    """The signature that `written_signature` wrote; None for any other text."""
    try:
        signature = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    # The last digit of base64 has bits that mean nothing: they must be as we write them.
    return signature if written_signature(signature) == text else None


def _canonical(record: dict[str, Any]) -> bytes:
    """RFC 8785, which Python writes too for texts of ASCII."""
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
