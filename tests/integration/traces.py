"""What objects still say, however they are packed: an erasure must leave nothing of its subject in them."""

import gzip
import io
import json
from collections.abc import Collection
from typing import Any

import pyarrow.parquet as pq

from lakemint.store import Store


def objects_with(words: Collection[str], store: Store, prefix: str = "") -> list[str]:
    """The keys of objects that say one of the words."""
    said = ((item.key, all_said(store.get(item.key), item.key)) for item in store.list(prefix))
    return [key for key, text in said if any(word in text for word in words)]


def all_said(data: bytes, key: str) -> str:
    """Bytes as text; unpacked; a Parquet file's values and statistics; the strings of JSON."""
    text = [data.decode(errors="replace")]
    if key.endswith(".gz"):
        text.append(gzip.decompress(data).decode(errors="replace"))
    elif ".parquet" in key:
        file = pq.ParquetFile(io.BytesIO(data))
        text += [repr(file.read().to_pylist()), repr(file.metadata.to_dict())]
    elif key.endswith((".json", ".crc", "_last_checkpoint")):
        text += [repr(one) for one in _documents(data.decode())]
    return "\n".join(text)


def _documents(text: str) -> list[Any]:
    """JSON that is one document, or one a line, as Delta's logs are."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]
