"""Documents are hostile: whatever is in the file, the answer is quick and clear."""

from itertools import pairwise
from pathlib import Path

import pytest

from lakemint.dataset.document import MAX_BYTES, load_document
from lakemint.errors import RecipeError

LEVELS = "abcdefghi"
ALIAS_BOMB = "\n".join(
    ["a: &a [x, x, x, x, x, x, x, x, x]"]
    + [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in pairwise(LEVELS)]
)
MERGE_BOMB = "\n".join(
    ["a: &a {k: v}"] + [f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 9)}]}}" for a, b in pairwise(LEVELS)]
)


def load(tmp_path: Path, text: str | bytes) -> dict[str, object]:
    path = tmp_path / "some.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_document(path, "some.yaml", RecipeError)


def test_plain_data_come_as_they_are_written(tmp_path: Path) -> None:
    text = "name: x\ncount: 3\nday: 2026-01-31\nlist: [a, null, 1.5, true]\nsame: &s {k: v}\nagain: *s"
    assert load(tmp_path, text) == {
        "name": "x",
        "count": 3,
        "day": "2026-01-31",
        "list": ["a", None, 1.5, True],
        "same": {"k": "v"},
        "again": {"k": "v"},
    }


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ALIAS_BOMB, "more than 50,000 values"),
        (MERGE_BOMB, "merge keys"),
        ("a: &a [*a]", "more than 50,000 values"),
        ("a: !!python/object/apply:os.system [id]", "line 1: could not determine a constructor"),
        ("a: !!python/name:os.system", "line 1: could not determine a constructor"),
        ("[" * 20_000, "nested too deeply"),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' stands twice"),
        ("1: x", "the key 1 is no text; quote it"),
        ("a: !!binary aGk=", "bytes values are not allowed"),
        ("a: [b", "not plain YAML: line 1"),
        ("- a list", "expected fields"),
        ("", "expected fields"),
        (b"a: \xff", "not UTF-8 at byte 3"),
        ("x" * (MAX_BYTES + 1), "larger than 512 KiB"),
        ("a: " + "9" * 5000, "not plain YAML"),
    ],
)
def test_a_hostile_document_is_refused(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(RecipeError) as error:
        load(tmp_path, text)
    assert str(error.value).startswith("some.yaml: ")
    assert told in str(error.value)


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "some.yaml").open("wb") as file:
        file.truncate(100 * 1024**3)
    with pytest.raises(RecipeError, match="larger than 512 KiB"):
        load_document(tmp_path / "some.yaml", "some.yaml", RecipeError)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"schemas/x/recipe.yaml: not found"):
        load_document(tmp_path / "none", "schemas/x/recipe.yaml", RecipeError)
