"""Recipes as documents: what they do not say changes nothing."""

from pathlib import Path
from typing import Any

import pytest

from lakemint.dataset.recipe import load_recipe
from tests.unit.contracts import write


@pytest.mark.parametrize("split", [{}, {"train": 0.6, "validation": 0.2, "test": 0.2}])
def test_a_recipe_that_does_not_stratify_is_the_document_it_was_before_there_were_strata(
    tmp_path: Path, split: dict[str, Any]
) -> None:
    def of(split: dict[str, Any]) -> Any:
        return load_recipe(write(tmp_path, None, lambda recipe: recipe.update(split=split)), "pets")

    shares = {"train": 0.8, "validation": 0.1, "test": 0.1, **split}
    assert of(split).document["split"] == shares
    stratified = of({**split, "stratify": "source"})
    assert stratified.document["split"] == {**shares, "stratify": "source"}
    assert stratified.digest != of(split).digest
