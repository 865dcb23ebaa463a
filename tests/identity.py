"""What makes a sample the same sample, written down once more, without Spark."""

import hashlib
from collections.abc import Iterable

NULL_LENGTH = 2**64 - 1


def sample_id(content: Iterable[str | bytes | None]) -> str:
    """32 hex digits: of the sha256 over each value's length (8 bytes, big-endian) and bytes (text as UTF-8).

    The values are those of the recipe's content columns, in order, after refining and before any cast.
    """
    digest = hashlib.sha256()
    for value in content:
        data = value.encode() if isinstance(value, str) else value
        digest.update((NULL_LENGTH if data is None else len(data)).to_bytes(8, "big"))
        digest.update(data or b"")
    return digest.hexdigest()[:32]
