"""What a recipe asks of people, where it asks them."""

from collections.abc import Iterable
from dataclasses import dataclass

from lakemint.names import SAMPLE_ID, SOURCE
from lakemint.recipe import LabelSample, Recipe, Replay


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


def task_fields(asked: Asking, shown: Iterable[str]) -> list[str]:
    """The columns of silver that a task carries: what the form shows, and what a replay joins by."""
    joined = (SOURCE, asked.replay.key) if asked.replay else ()
    return sorted({*shown, *joined} - {SAMPLE_ID})
