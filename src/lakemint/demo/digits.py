"""`digits`: scikit-learn's handwritten digits (UCI, Alpaydin & Kaynak 1998), one PNG each."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from lakemint.ingest.landing import Landed, land
from lakemint.lake import Lake
from lakemint.store import Store

DATASET = "digits"


def scans() -> Iterator[tuple[str, bytes]]:
    """`(<digit>/<number>.png, PNG bytes)` of each of the 1,797 scans, 8 by 8 pixels, 8-bit grey."""
    digits = load_digits()
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        buffer = io.BytesIO()
        grey = np.round(pixels * (255 / 16)).astype(np.uint8)
        Image.fromarray(grey).save(buffer, format="PNG")
        yield f"{digit}/{number:04d}.png", buffer.getvalue()


def land_digits(store: Store, lake: Lake) -> Landed:
    """Land the scans as raw objects of one source."""
    return land(store, lake.raw(DATASET, "scans"), scans())
