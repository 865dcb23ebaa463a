"""The samples that all load: text of 1 KB or so, tokens, and small and large JPEG images.

`<folder>/<kind>.parquet` has the columns `sample_id` and `value`: text, or bytes. Nothing here is of any
package but NumPy, PyArrow and Pillow: the peers' scripts take it from their own environments.
"""

import hashlib
import io
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

KINDS: Final = {
    "text": 50_000,
    "tokens": 10_000,
    "small images": 25_000,
    "large images": 5_000,
    "decoded images": 1_000,
}
"""And how many there are in the small size; in the full one, four times as many.

Images come as they are stored, but for the last ones: large, and as pixels.
"""
TOKENS: Final = 2048
"""Of a sample, 16 bits each."""
SIDES: Final = {"small images": 28, "large images": 224, "decoded images": 224}
"""Pixels; grey and in colours."""
BATCH: Final = 256


def write(kind: str, count: int, folder: Path) -> None:
    """Write so many of a kind."""
    make = {"text": _text, "tokens": _tokens}.get(kind, _image)
    drawn = np.random.default_rng([len(kind), count])
    with pq.ParquetWriter(source(folder, kind), _schema(kind)) as writer:
        for begin in range(0, count, 4096):
            indices = range(begin, min(begin + 4096, count))
            ids = [hashlib.sha256(str(index).encode()).hexdigest()[:32] for index in indices]
            columns = [pa.array(ids), pa.array([make(drawn, kind) for _ in indices], _schema(kind)[1].type)]
            writer.write_table(pa.table(columns, schema=_schema(kind)))


def source(folder: Path, kind: str) -> Path:
    return folder / f"{kind.replace(' ', '-')}.parquet"


def read(folder: Path, kind: str) -> pa.Table:
    return pq.read_table(source(folder, kind))


def _schema(kind: str) -> pa.Schema:
    return pa.schema([("sample_id", pa.string()), ("value", pa.string() if kind == "text" else pa.binary())])


_WORDS: Final = [hashlib.sha256(b"%d" % at).hexdigest()[: 2 + at % 9] for at in range(4096)]


def _text(drawn: np.random.Generator, kind: str) -> str:
    """Words, 1,024 characters on average."""
    length = int(drawn.integers(512, 1537))
    return " ".join(_WORDS[at] for at in drawn.integers(0, len(_WORDS), length // 6))[:length]


def _tokens(drawn: np.random.Generator, kind: str) -> bytes:
    return drawn.integers(0, 50_000, TOKENS, dtype=np.uint16).tobytes()


def _image(drawn: np.random.Generator, kind: str) -> bytes:
    """Smooth shapes with a little noise, as photographs compress."""
    from PIL import Image

    side = SIDES[kind]
    coarse = drawn.integers(0, 256, (7, 7) if side == SIDES["small images"] else (7, 7, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC), np.int16)
    noisy = np.clip(smooth + drawn.integers(-8, 9, smooth.shape), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=85)
    return file.getvalue()
