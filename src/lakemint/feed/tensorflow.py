"""A loader's batches for TensorFlow."""

import json
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from lakemint.errors import LakemintError
from lakemint.feed.arrays import Arrays
from lakemint.feed.loader import Loader
from lakemint.feed.mixture import Mixture
from lakemint.feed.numbers import numbers, texts


def dataset(loader: Loader | Mixture, *, state: str = "") -> Any:
    """What the loader hands out, as a `tf.data.Dataset` of dicts of tensors; a loader's: an epoch each time.

    Text and bytes are of type `tf.string`. What `tf.data` prefetches counts as handed out, so `loader` knows
    less well than its batches where training is: with `state`, each has under that name the loader's state
    after it, as JSON, for `loader.load_state_dict(json.loads(batch[state].numpy()))`.

    The types are those of the next batch, which is looked at. Raises LakemintError when there is none; and in
    the loop, for nulls but of floating-point numbers.
    """
    place = next(loader.places(), None)
    if place is None:
        raise LakemintError("there is no batch, whose types TensorFlow would need to know")
    ((_, first), *_) = loader.reader()(place._replace(steps=1))
    if state in first:
        raise LakemintError(f"state: there is a column {state!r} already; give another name")
    signature = {name: _signature(values) for name, values in _tensors(first).items()}

    def batches() -> Iterator[dict[str, Any]]:
        for batch in loader:
            values = _tensors(batch)
            yield {**values, state: json.dumps(loader.state_dict())} if state else values

    if state:
        signature[state] = tf.TensorSpec((), tf.string)
    return tf.data.Dataset.from_generator(batches, output_signature=signature)


def _tensors(batch: Arrays) -> Arrays:
    found = {name: numbers(name, values) for name, values in batch.items()}
    return {name: texts(name, batch[name]) if values is None else values for name, values in found.items()}


def _signature(values: Any) -> Any:
    return tf.TensorSpec((None, *values.shape[1:]), tf.string if values.dtype == object else values.dtype)
