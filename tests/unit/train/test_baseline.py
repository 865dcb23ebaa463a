"""The baseline: learns what can be learned, the same each time, and refuses what would hurt or mislead."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lakemint
from lakemint.dataset.recipe import Baseline
from lakemint.errors import LakemintError
from lakemint.published.baseline import ClassMarks
from lakemint.train.baseline import score
from tests.unit.small_version import Row, publish, row, settings

TEXT = Baseline(input="text", encode="text")
IMAGE = Baseline(input="image", encode="image")
IMAGES = (("sample_id", "string"), ("image", "binary"), ("label", "string"))


def texts(rows: int = 120) -> list[Row]:
    words = {"a": "lovely great fine", "b": "awful bad poor"}
    return [
        row(n, "test" if n % 5 == 0 else "train", text=f"{words['ab'[n % 2]].split()[n % 3]} thing {n}")
        for n in range(rows)
    ]


def opened(folder: Path, rows: list[Row], **options: Any) -> lakemint.Version:
    publish(settings(folder), rows, **options)
    return lakemint.open("notes@1", config=settings(folder))


def test_it_learns_text_and_says_how_well(tmp_path: Path) -> None:
    version = opened(tmp_path, texts())
    marks = score(version, TEXT)
    assert marks.accuracy == 1.0
    assert marks.majority == 0.5
    assert (marks.train_rows, marks.test_rows) == (96, 24)
    assert marks.manifest == version.digest
    assert marks.per_class == {name: ClassMarks(rows=12, recall=1.0, precision=1.0) for name in "ab"}
    assert score(version, TEXT) == marks


def test_it_does_not_learn_noise(tmp_path: Path) -> None:
    noise = [{**r, "text": f"{r['stars'] * 7919 % 101}"} for r in texts()]
    assert score(opened(tmp_path, noise), TEXT).accuracy < 0.8


def picture(n: int, side: int = 8, kind: str = "PNG") -> bytes:
    """Bright above for even n, below for odd."""
    pixels = np.random.default_rng(n).integers(0, 60, (side, side), dtype=np.uint8)
    pixels[: side // 2] += np.uint8(150 if n % 2 == 0 else 0)
    pixels[side // 2 :] += np.uint8(150 if n % 2 else 0)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def pictures(rows: int = 60, **odd: bytes) -> list[Row]:
    made = [row(n, "test" if n % 5 == 0 else "train", image=picture(n)) for n in range(rows)]
    return [{**made[0], **odd}, *made[1:]]


def test_it_learns_images_of_any_size_and_kind(tmp_path: Path) -> None:
    rows = pictures()
    rows[1]["image"], rows[5]["image"] = picture(1, 300, "JPEG"), picture(5, 64)
    assert score(opened(tmp_path, rows, columns=IMAGES), IMAGE).accuracy == 1.0


def bomb(width: int, height: int) -> bytes:
    """A few hundred bytes that call themselves a huge PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 999))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bomb(10_000, 10_000), "10000 by 10000 pixels, more than"),
        (bomb(60_000, 60_000), "no readable PNG"),
        (b"", "no readable PNG or JPEG"),
        (b"GIF89a" + b"\0" * 50, "no readable PNG or JPEG"),
        (picture(0)[:60], "no readable PNG or JPEG"),
    ],
)
def test_a_hostile_image_is_named_and_never_unfolded(tmp_path: Path, data: bytes, words: str) -> None:
    rows = pictures(image=data)
    with pytest.raises(LakemintError, match=rf"sample {rows[0]['sample_id']}: .*{words}"):
        score(opened(tmp_path, rows, columns=IMAGES), IMAGE)


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        (lambda r: r["split"] == "train", "notes@1/test is empty.*label more samples"),
        (lambda r: r["split"] == "test", "notes@1/train is empty"),
        (lambda r: r["split"] == "train" or r["label"] == "a", "notes@1/test: all 12 examples are 'a'"),
        (lambda r: r["split"] == "test" or r["label"] == "b", "notes@1/train: all 48 examples are 'b'"),
    ],
)
def test_splits_too_small_to_say_anything_are_refused_with_words(
    tmp_path: Path, keep: Any, words: str
) -> None:
    with pytest.raises(LakemintError, match=words):
        score(opened(tmp_path, [r for r in texts() if keep(r)]), TEXT)


def test_a_column_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(LakemintError, match=r"no column 'txt'; .*sample_id, text, stars, label"):
        score(opened(tmp_path, texts()), Baseline(input="txt", encode="text"))
