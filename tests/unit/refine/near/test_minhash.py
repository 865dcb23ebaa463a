"""Signatures find what is alike, and the similarity they stand for is the sets' own."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakemint.refine.near.minhash import MISSED, PERMUTATIONS, Bands, band_hashes, jaccard, shingles

WIDTH = 5
written = st.lists(st.none() | st.text(max_size=40), min_size=1, max_size=8)


def plain_shingles(text: str | None) -> set[str]:
    """The definition, in plain Python."""
    folded = " ".join((text or "").casefold().split())
    return {folded[at : at + WIDTH] for at in range(max(1, len(folded) - WIDTH + 1))}


@given(written)
def test_shingles_are_equal_just_where_their_characters_are(texts: list[str | None]) -> None:
    found = shingles(texts, WIDTH)
    plain = [plain_shingles(text) for text in texts]
    assert [len(found.of(row)) for row in range(len(texts))] == [len(one) for one in plain]
    for row, one in enumerate(plain):
        for other_row, other in enumerate(plain):
            expected = len(one & other) / len(one | other)
            assert jaccard(found.of(row), found.of(other_row)) == pytest.approx(expected)


@given(written, st.randoms())
def test_a_signature_depends_on_nothing_but_its_text(texts: list[str | None], draw: random.Random) -> None:
    bands = Bands.of(0.8)
    found = band_hashes(texts, WIDTH, bands)
    assert found.shape == (len(texts), bands.count)
    order = draw.sample(range(len(texts)), len(texts))
    assert (band_hashes([texts[row] for row in order], WIDTH, bands) == found[order]).all()


def test_case_and_white_space_make_no_difference() -> None:
    one, other = band_hashes(["Good\u00a0PHONE,\n  but", " good phone, but "], WIDTH, Bands.of(0.8))
    assert (one == other).all()
    assert not (one == band_hashes(["good phone; but"], WIDTH, Bands.of(0.8))[0]).all()


@pytest.mark.parametrize("asked", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_bands_fit_the_signature_and_miss_next_to_nothing(asked: float) -> None:
    bands = Bands.of(asked)
    assert bands.count * bands.rows <= PERMUTATIONS
    assert bands.missed(asked) <= MISSED
    longer = Bands(PERMUTATIONS // (bands.rows + 1), bands.rows + 1)
    assert bands.rows == PERMUTATIONS or longer.missed(asked) > MISSED


@pytest.mark.parametrize("asked", [0.5, 0.7, 0.8, 0.9])
def test_pairs_that_are_alike_share_a_band(asked: float) -> None:
    draw = random.Random(3)  # noqa: S311 - test data
    words = ["".join(draw.choices("abcdefghijkl", k=draw.randint(2, 9))) for _ in range(2000)]
    pairs: list[tuple[str, str]] = []
    for _ in range(1500):
        one = draw.choices(words, k=draw.choice([8, 20, 60]))
        other = [draw.choice(words) if draw.random() < (1 - asked) / 5 else word for word in one]
        pairs.append((" ".join(one), " ".join(other)))
    texts = [text for pair in pairs for text in pair]
    found, hashes = shingles(texts, WIDTH), band_hashes(texts, WIDTH, Bands.of(asked))
    similar = [at for at in range(0, len(texts), 2) if jaccard(found.of(at), found.of(at + 1)) >= asked]
    assert len(similar) > 100
    assert all((hashes[at] == hashes[at + 1]).any() for at in similar)
    # Texts that have nothing to do with each other meet in next to no band.
    strangers = [(hashes[at] == hashes[at + 2]).any() for at in range(0, len(texts) - 2, 2)]
    assert np.mean(strangers) < 0.05
