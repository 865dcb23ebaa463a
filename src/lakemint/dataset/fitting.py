"""Whether the parts of a recipe, each fine by itself, fit together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lakemint.errors import LakemintError
from lakemint.names import SOURCE, check_name

if TYPE_CHECKING:
    from lakemint.dataset.recipe import Recipe


def unfitting(recipe: "Recipe") -> Iterator[str]:
    """Everything that does not fit, each with its field."""
    yield from _sources(recipe)
    for name in recipe.content:
        yield from _unknown(recipe, "content", name)
    for number, step in enumerate(recipe.refine):
        for name in step.normalize_text.columns if step.normalize_text else ():
            yield from _unknown(recipe, f"refine.{number}.normalize_text.columns", name)
        for name in step.drop.empty if step.drop else ():
            yield from _unknown(recipe, f"refine.{number}.drop.empty", name)
    yield from _near_duplicates(recipe)
    yield from _channels(recipe)
    yield from _stratify(recipe)


def _sources(recipe: "Recipe") -> Iterator[str]:
    known: dict[str, tuple[str, str]] = {}
    for name, source in recipe.sources.items():
        try:
            check_name(name, "source")
        except LakemintError as error:
            yield f"sources: {error}"
        for column in source.typed_columns().items():
            if known.setdefault(column[0].lower(), column) != column:
                yield f"sources.{name}: two sources write or type the column {column[0]!r} differently"
        content = recipe.columns.keys() & {*recipe.content}
        if content and not content & source.typed_columns().keys():
            yield (
                f"sources.{name}: it has none of the content columns {', '.join(recipe.content)}: "
                "all of its records would be one sample"
            )


def _unknown(recipe: "Recipe", field: str, name: str) -> Iterator[str]:
    if name not in recipe.columns:
        yield f"{field}: no source has a column {name!r}; there are {', '.join(recipe.columns)}"


def _near_duplicates(recipe: "Recipe") -> Iterator[str]:
    for name in recipe.near_duplicates.columns if recipe.near_duplicates else ():
        if name not in recipe.content:
            yield (
                f"near_duplicates.columns: {name!r} is none of the content columns "
                f"{', '.join(recipe.content)}: what makes a sample is what is compared"
            )
        elif recipe.columns.get(name) == "binary":
            yield f"near_duplicates.columns: {name!r} holds bytes; only texts are compared"


def _channels(recipe: "Recipe") -> Iterator[str]:
    publish = recipe.publish
    own = [("channel", publish.channel)] if publish.channel is not None else []
    for field, name in [*own, *(("approve", name) for name in publish.approve)]:
        try:
            check_name(name, "channel")
        except LakemintError as error:
            yield f"publish.{field}: {error}"
    if publish.channel in publish.approve:
        yield (
            f"publish.approve: every new version goes to {publish.channel!r} by itself, by publish.channel: "
            "name it in one of the two"
        )


def _stratify(recipe: "Recipe") -> Iterator[str]:
    name = recipe.split.stratify
    if name in (None, SOURCE):
        return
    if name not in recipe.columns:
        there = ", ".join((SOURCE, *recipe.columns))
        yield f"split.stratify: no source has a column {name!r}; there are {there}"
    elif recipe.columns[name] == "binary":
        yield f"split.stratify: {name!r} holds bytes; name a column whose values are classes"
