"""JAX, TensorFlow and Hugging Face datasets on the feed."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest
import tensorflow as tf
from datasets import Dataset

import lakemint
from lakemint.errors import LakemintError
from lakemint.feed import Loader, Version
from lakemint.feed.tensorflow import dataset
from tests.unit.small_version import COLUMNS, publish, row
from tests.unit.small_version import settings as config_of

ROWS, BATCH = 50, 8
TYPED = (
    *COLUMNS,
    ("score", "double"),
    ("good", "bool"),
    ("day", "date32[day]"),
    ("at", "timestamp[us, tz=UTC]"),
    ("image", "binary"),
)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    config = config_of(tmp_path_factory.mktemp("feed"))
    own: dict[str, Any] = {
        "day": date(1970, 1, 3),
        "at": datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC),
        "image": b"\x00\xff",
    }
    publish(config, [row(i, **own, score=i / 4 if i else None, good=i < 9) for i in range(ROWS)], TYPED)
    return lakemint.open("notes@1", config=config)


def loader(version: Version) -> Loader:
    return version["train"].loader(BATCH, seed=2, window=2)


def stars(batches: Any) -> list[list[int]]:
    return [batch["stars"].tolist() for batch in batches]


def test_jax_takes_a_batch_as_it_is(version: Version) -> None:
    @jax.jit  # type: ignore[untyped-decorator]  # jax is not there when types are checked
    def mean(batch: dict[str, Any]) -> Any:
        return jnp.mean(batch["stars"] * batch["good"])

    numbers = version["train"].loader(BATCH, seed=2, window=2, columns=["stars", "good"])
    found = [float(mean(batch)) for batch in numbers]
    wanted = [float((batch["stars"] * batch["good"]).mean()) for batch in loader(version)]
    assert found == pytest.approx(wanted)


def test_tensorflow_has_the_batches_in_their_types(version: Version) -> None:
    read = dataset(loader(version))
    found, wanted = list(read.as_numpy_iterator()), list(loader(version))
    assert stars(found) == stars(wanted)
    kinds = {name: spec.dtype for name, spec in read.element_spec.items()}
    text = {name: tf.string for name in ("sample_id", "text", "label", "image")}
    assert kinds == {
        **text,
        "stars": tf.int64,
        "score": tf.float64,
        "good": tf.bool,
        "day": tf.int64,
        "at": tf.int64,
    }
    for mine, theirs in zip(wanted, found, strict=True):
        assert [one.decode() for one in theirs["text"]] == mine["text"].tolist()
        assert theirs["image"].tolist() == [b"\x00\xff"] * len(theirs["image"])
        assert theirs["good"].tolist() == mine["good"].tolist()
        assert (theirs["day"] == 2).all() and (theirs["at"] == 2_000_000).all()
        assert (theirs["score"] * 4).tolist() == pytest.approx(
            theirs["stars"].tolist(), nan_ok=True
        ) or 0 in theirs["stars"]


def test_each_loop_of_tensorflow_is_the_next_epoch(version: Version) -> None:
    ours, read = loader(version), dataset(loader(version)).prefetch(2)
    for _ in range(2):
        assert stars(read.as_numpy_iterator()) == stars(ours)


def test_tensorflow_goes_on_after_the_batch_that_told_the_state_whatever_was_prefetched(
    version: Version,
) -> None:
    whole, read = stars(loader(version)), dataset(loader(version), state="state").prefetch(4)
    for number, batch in enumerate(read, start=1):
        if number == 3:
            state = json.loads(batch["state"].numpy())
            break
    other = loader(version)
    other.load_state_dict(state)
    assert stars(dataset(other).as_numpy_iterator()) == whole[3:]


def test_keras_trains_on_it(version: Version) -> None:
    data = dataset(version["train"].loader(BATCH, seed=2, window=2, columns=["stars", "good"])).map(
        lambda batch: (tf.cast(batch["stars"], tf.float32)[:, None] / ROWS, batch["good"])
    )
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, activation="sigmoid")])
    model.compile(tf.keras.optimizers.Adam(0.1), "binary_crossentropy")
    history = model.fit(data, epochs=6, verbose=0).history["loss"]
    assert history[-1] < 0.8 * history[0]


def test_what_tensorflow_cannot_hold_is_refused(version: Version, tmp_path: Path) -> None:
    with pytest.raises(LakemintError, match="there is a column 'text' already"):
        dataset(loader(version), state="text")
    config = config_of(tmp_path)
    publish(config, [row(0), row(1, text=None), row(2, stars=None)])
    train = lakemint.open("notes@1", split="train", config=config)
    for column in ("text", "stars"):
        with pytest.raises(LakemintError, match=f"column {column}: 1 of 3 values are null"):
            list(dataset(train.loader(3, columns=[column])))


def test_a_split_is_a_datasets_dataset_as_it_is(version: Version) -> None:
    table = version["train"].to_table()
    found = Dataset(table, fingerprint=f"train-{version.digest[:48]}")
    assert found.to_list() == table.to_pylist()
    assert found[7]["text"] == table["text"][7].as_py()
    first, mapped = (one.column("stars").chunk(0).buffers()[1] for one in (found.data.table, table))
    assert first.address == mapped.address, "it was copied"
    assert found.select_columns("stars").with_format("torch")[:5]["stars"].tolist() == found[:5]["stars"]
