"""What a recipe asks of people, where it asks them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lakemint.dataset.recipe import LabelSample, Recipe, Replay
from lakemint.names import SAMPLE_ID, SOURCE

TASK_SOURCE: Final = "lakemint_source"
"""Silver's `source` in a task and a form: Label Studio's editor puts something else under `source`."""


@dataclass(frozen=True)
class Asking:
    """The part of a recipe that has a label form."""

    dataset: str
    sources: tuple[str, ...]
    form: str
    """Name of the form's file."""
    sample: LabelSample
    per_sample: int
    """Answers wanted of each sample, each of another annotator."""
    replay: Replay | None


def asking(recipe: Recipe) -> Asking | None:
    """What the recipe asks of people; None where the labels are known."""
    label = recipe.label
    if label.form is None or label.sample is None or label.answers is None:
        return None
    return Asking(
        recipe.dataset,
        tuple(recipe.sources),
        label.form,
        label.sample,
        label.answers.per_sample,
        label.replay,
    )


def task_fields(asked: Asking, shown: Iterable[str]) -> dict[str, str]:
    """What a task carries, name in the task → column of silver: what the form shows and a replay joins by."""
    joined = (SOURCE, asked.replay.key) if asked.replay else ()
    columns = {SOURCE if name == TASK_SOURCE else name for name in (*shown, *joined)} - {SAMPLE_ID}
    return {TASK_SOURCE if column == SOURCE else column: column for column in sorted(columns)}
