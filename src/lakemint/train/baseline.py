"""A small classifier, trained on a version's `train` split and scored on its `test` split.

It shows that a version can be learned from. Inputs come through `lakemint.open`, as in any training job; the
same version gives the same score.
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lakemint.config import Config
from lakemint.dataset.recipe import Baseline
from lakemint.digest import canonical
from lakemint.errors import LakemintError, TooFewExamples
from lakemint.feed import Split, Version
from lakemint.lake import Lake
from lakemint.names import LABEL, SAMPLE_ID
from lakemint.published.baseline import BaselineRecord, read_baseline
from lakemint.store import open_store

MAX_TRAIN_ROWS: Final = 50_000
"""More examples than these, the first in shuffled order, would not make a better smoke test."""
MAX_IMAGE_BYTES: Final = 16 * 1024 * 1024
MAX_IMAGE_PIXELS: Final = 16_000_000
SIDE: Final = 32
"""Images are brought down to at most this width and height."""
_BATCH = 1024

Batch = dict[str, Any]


def keep_score(config: Config, version: Version, baseline: Baseline) -> tuple[BaselineRecord, bool]:
    """The score on the version's card, and whether it was put there just now; raises as `score`."""
    store, lake = open_store(config), Lake(config.need("lake"))
    if known := read_baseline(store, lake, version.dataset, version.number, version.digest):
        return known, False
    marks = score(version, baseline)
    where = lake.card(version.dataset, version.number, "baseline.json")
    store.put(where, canonical(marks.model_dump(mode="json")))
    return marks, True


def score(version: Version, baseline: Baseline) -> BaselineRecord:
    """Train and score.

    Raises TooFewExamples when a split is too small to say anything, LakemintError for an input that cannot be
    read.
    """
    train, test = version["train"], version["test"]
    _require(version, baseline, train, test)
    encode = _Text() if baseline.encode == "text" else _Image()
    features, labels = _encoded(encode, _first(train, MAX_TRAIN_ROWS), baseline.input)
    if len(set(labels)) < 2:
        raise TooFewExamples(
            f"{train.name}: all {len(labels)} examples are {labels[0]!r}, a classifier needs two classes; "
            "label more samples"
        )
    model = _model().fit(features, labels)
    truth: list[str] = []
    guesses: list[str] = []
    for batch in test.loader(_BATCH, shuffle=False):
        features, labels = _encoded(encode, [batch], baseline.input)
        truth += labels
        guesses += model.predict(features).tolist()
    marks = {"manifest": version.digest, "train_rows": min(len(train), MAX_TRAIN_ROWS)}
    return BaselineRecord.model_validate(marks | _marks(truth, guesses))


def _require(version: Version, baseline: Baseline, train: Split, test: Split) -> None:
    for column in (baseline.input, LABEL):
        if column not in version.schema.names:
            raise LakemintError(
                f"{version.name} has no column {column!r}; baseline.input in the recipe names one of "
                + ", ".join(version.schema.names)
            )
    for split in (train, test):
        if not len(split):
            raise TooFewExamples(
                f"{split.name} is empty: no baseline can be trained and scored; "
                "label more samples, or mend split in the recipe"
            )
    classes = set(test.to_table()[LABEL].unique().to_pylist())
    if len(classes) < 2:
        raise TooFewExamples(
            f"{test.name}: all {len(test)} examples are {classes.pop()!r}, and a score would say nothing; "
            "label more samples"
        )


def _first(split: Split, rows: int) -> Iterator[Batch]:
    for batch in split.loader(_BATCH, seed=0):
        yield {name: values[:rows] for name, values in batch.items()}
        rows -= min(rows, len(batch[LABEL]))
        if not rows:
            return


def _encoded(encode: "_Text | _Image", batches: Iterable[Batch], column: str) -> tuple[Any, list[str]]:
    """Features of all batches together, one row an example, and the labels."""
    held = [(encode(batch[column], batch[SAMPLE_ID]), batch[LABEL].tolist()) for batch in batches]
    return encode.joined([part for part, _ in held]), list(chain.from_iterable(labels for _, labels in held))


def _model() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=4.0, max_iter=1000, class_weight="balanced")


class _Text:
    """Word and word-pair hashes: no vocabulary to fit, memory bounded whatever the text."""

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer

        self._vectorizer = HashingVectorizer(ngram_range=(1, 2), n_features=2**18, alternate_sign=False)

    def __call__(self, texts: NDArray[Any], _ids: NDArray[Any]) -> Any:
        return self._vectorizer.transform(["" if text is None else str(text) for text in texts])

    def joined(self, parts: list[Any]) -> Any:
        from scipy.sparse import vstack

        return vstack(parts)


class _Image:
    """Grey values between 0 and 1, all images at one size: that of the first, at most SIDE by SIDE."""

    def __init__(self) -> None:
        self._size: tuple[int, int] | None = None

    def __call__(self, images: NDArray[Any], ids: NDArray[Any]) -> Any:
        return np.stack([self._pixels(data, name) for data, name in zip(images, ids, strict=True)])

    def joined(self, parts: list[Any]) -> Any:
        return np.concatenate(parts)

    def _pixels(self, data: bytes | None, name: str) -> NDArray[np.float32]:
        from PIL import Image, UnidentifiedImageError

        if data is None or len(data) > MAX_IMAGE_BYTES:
            raise LakemintError(
                f"sample {name}: the image is missing or has more than {MAX_IMAGE_BYTES} bytes"
            )
        try:
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
                # Only the header is read so far: a small file can unfold into gigabytes.
                if image.width * image.height > MAX_IMAGE_PIXELS:
                    raise LakemintError(
                        f"sample {name}: {image.width} by {image.height} pixels, more than {MAX_IMAGE_PIXELS}"
                    )
                self._size = self._size or (min(image.width, SIDE), min(image.height, SIDE))
                grey = image.convert("L").resize(self._size)
        except (
            UnidentifiedImageError,
            Image.DecompressionBombError,
            OSError,
            SyntaxError,
            ValueError,
        ) as error:
            raise LakemintError(f"sample {name}: no readable PNG or JPEG ({error})") from error
        return np.asarray(grey, dtype=np.float32).reshape(-1) / np.float32(255)


def _marks(truth: list[str], guesses: list[str]) -> dict[str, Any]:
    """How good the guesses are, over all and per class; shares rounded to 6 digits."""
    rows, guessed = Counter(truth), Counter(guesses)
    right = Counter(label for label, guess in zip(truth, guesses, strict=True) if label == guess)
    return {
        "test_rows": len(truth),
        "accuracy": round(right.total() / len(truth), 6),
        "majority": round(max(rows.values()) / len(truth), 6),
        "per_class": {
            label: {
                "rows": rows[label],
                "recall": round(right[label] / rows[label], 6),
                "precision": round(right[label] / guessed[label], 6) if guessed[label] else None,
            }
            for label in sorted(rows)
        },
    }
