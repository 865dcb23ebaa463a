"""Canonical JSON (RFC 8785) and its sha256: the identity of contracts, recipes, verdicts and manifests."""

import hashlib
from typing import Any

import rfc8785


def canonical(value: Any) -> bytes:
    """Canonical JSON of plain data (no NaN, integers within 2^53); raises ValueError otherwise."""
    return rfc8785.dumps(value)


def sha256(data: bytes) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """Hex sha256 of plain data's canonical JSON."""
    return sha256(canonical(value))
