"""`recipe.yaml`: everything about a dataset that is not its contract, as one pydantic model."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lakemint.dataset.document import load_document
from lakemint.dataset.fitting import unfitting
from lakemint.dataset.mending import Mending
from lakemint.digest import digest_of
from lakemint.errors import RecipeError
from lakemint.names import PROVENANCE, SAMPLE_ID, SOURCE, check_name

Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Number = Annotated[int, Field(strict=True, ge=1, le=10**9)]
Names = Annotated[list[str], Field(min_length=1)]

_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    """Where raw objects of one kind land, `raw/<dataset>/<source>/`, and how they are read."""

    format: Literal["tsv", "csv", "jsonl", "file"]
    """`file`: each object is one record; the others hold one record a line, gzip by the name's `.gz`."""
    columns: list[str] = Field(default_factory=list)
    """Names of the columns of tsv and csv without a header, of the fields of jsonl."""
    path: str | None = None
    """For `file`: how keys go on after the source's prefix; names become columns: `{digit}/{name}.png`."""
    content: str = "content"
    """For `file`: the column that holds the object's bytes."""

    @model_validator(mode="after")
    def _fields_fit_format(self) -> Self:
        if self.format == "file" and self.columns:
            raise ValueError("format 'file' has no columns: name them in path, like {digit}/{name}.png")
        if self.format != "file" and not self.columns:
            raise ValueError(f"format {self.format!r} needs columns")
        return self

    @model_validator(mode="after")
    def _columns_are_names(self) -> Self:
        taken: set[str] = {*PROVENANCE, SOURCE, SAMPLE_ID}
        for name in self._names():
            if not _COLUMN.fullmatch(name):
                raise ValueError(f"{name!r} is no column name: use letters, 0-9 and _, a letter first")
            # Spark does not tell upper from lower case.
            if name.lower() in taken:
                raise ValueError(f"the column {name!r} is there twice, or is one of Lakemint's own")
            taken.add(name.lower())
        return self

    def _names(self) -> list[str]:
        if self.format != "file":
            return self.columns
        return [*re.findall(r"\{(.*?)\}", self.path or ""), self.content]

    @property
    def digest(self) -> str:
        """sha256 of its canonical JSON: how its raw objects are read."""
        return digest_of(self.model_dump(mode="json"))

    def typed_columns(self) -> dict[str, Literal["string", "binary"]]:
        """The columns its records have, with their types in bronze, in order."""
        binary = self.content if self.format == "file" else None
        return {name: "binary" if name == binary else "string" for name in self._names()}


class NormalizeText(_Part):
    """Unicode normal form, and runs of white space to one space, ends trimmed."""

    columns: Names
    form: Literal["NFC", "NFKC"] = "NFC"


class Drop(_Part):
    """Drop records where one of these columns is null or empty."""

    empty: Names


class RefineStep(_Part):
    """One step, by its name: `- normalize_text: {columns: [text]}`."""

    normalize_text: NormalizeText | None = None
    drop: Drop | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("a step has exactly one name: normalize_text or drop")
        return self


class NearDuplicates(_Part):
    """Samples whose texts are alike share a split: no copy of a test example is trained on.

    Alike: their sets of shingles, runs of `shingle` characters, have a Jaccard similarity of `jaccard`.
    """

    columns: Names
    jaccard: Share = Field(default=0.8, ge=0.5)
    shingle: Number = Field(default=5, ge=2, le=64)

    @property
    def digest(self) -> str:
        return digest_of(self.model_dump(mode="json"))


class LabelSample(_Part):
    """How many samples go to people, spread over the strata in proportion."""

    size: Number
    strata: str = "source"


class Answers(_Part):
    per_sample: Number = Field(le=100)
    """How many annotators each sample gets."""


class Replay(_Part):
    """Recorded answers, submitted to Label Studio by annotator accounts: the k-th answer by the k-th.

    They lie in `recorded/<dataset>/`, one tab-separated object `<source>.txt` a source.
    """

    columns: Names
    """The recordings' columns; `key` joins them to the records, `answers` holds a JSON list."""
    key: str
    answers: str

    @model_validator(mode="after")
    def _fields_are_columns(self) -> Self:
        for name in (self.key, self.answers):
            if name not in self.columns:
                raise ValueError(f"{name!r} is none of the columns {', '.join(self.columns)}")
        return self


class Label(_Part):
    """Where labels come from: people in Label Studio (`form`), or a column that knows (`known`)."""

    known: str | None = None
    """A column of silver that holds the answer."""
    form: str | None = None
    """The Label Studio form beside the recipe."""
    sample: LabelSample | None = None
    answers: Answers | None = None
    consensus: Literal["majority"] = "majority"
    classes: dict[str, list[str]] = Field(default_factory=dict)
    """Class → the answers that mean it. Empty: answers are classes."""
    replay: Replay | None = None

    @model_validator(mode="after")
    def _known_or_asked(self) -> Self:
        if (self.known is None) == (self.form is None):
            raise ValueError("name either known (a column) or form (people are asked)")
        if self.form is not None and (self.sample is None or self.answers is None):
            raise ValueError("a form needs sample and answers")
        means = [answer for answers in self.classes.values() for answer in answers]
        if twice := sorted({answer for answer in means if means.count(answer) > 1}):
            raise ValueError(f"classes: {', '.join(twice)} stands twice; an answer means one class")
        return self

    def class_of(self, answer: str) -> str:
        """The class an answer means; raises RecipeError for one the recipe does not name."""
        if not self.classes:
            return answer
        for name, answers in self.classes.items():
            if answer in answers:
                return name
        raise RecipeError(f"label.classes: no class for the answer {answer!r}")


class Split(_Part):
    """Shares of the splits, by a hash of the sample's id, with near_duplicates by that of its cluster.

    With `stratify`, shares of what is new of each stratum: it gets its split once, and keeps it.
    """

    train: Share = 0.8
    validation: Share = 0.1
    test: Share = 0.1
    stratify: str | None = Field(default=None, exclude_if=lambda column: column is None)
    """A column of silver: each of its values is a stratum. Recipes without it keep the digests they had."""

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train + validation + test is {total:g}, not 1")
        return self


class Publish(_Part):
    buckets: Number = Field(default=8, le=4096)
    """Shards a split, at most: rows go to one by a stable hash."""
    channel: str | None = None
    """Where each new version is promoted to at the end of the road."""
    approve: list[str] = Field(default_factory=list)
    """Channels that are moved on to a version only when a person agrees."""


class Baseline(_Part):
    """A small classifier the road trains on every new version, to see that it can be learned from."""

    input: str
    encode: Literal["text", "image"]


class Recipe(_Part):
    """One dataset's recipe, `dataset` its folder's name. Whether its parts fit together tells `fitting`."""

    dataset: str
    sources: Annotated[dict[str, Source], Field(min_length=1)]
    content: Names
    """The columns that make a sample what it is: its id is their digest."""
    refine: list[RefineStep] = Field(default_factory=list)
    near_duplicates: NearDuplicates | None = None
    label: Label
    split: Split = Split()
    publish: Publish = Publish()
    baseline: Baseline | None = None

    @property
    def columns(self) -> dict[str, Literal["string", "binary"]]:
        """The columns of all sources together, with their types in bronze, in order."""
        parts = (source.typed_columns() for source in self.sources.values())
        return {name: kind for part in parts for name, kind in part.items()}

    @property
    def document(self) -> dict[str, Any]:
        """As plain data, with all that it does not say filled in: what versions are, not where they go."""
        return self.model_dump(mode="json", exclude={"publish": {"channel", "approve"}})

    @property
    def digest(self) -> str:
        """sha256 of the document's canonical JSON."""
        return digest_of(self.document)


def load_recipe(schemas: Path, dataset: str) -> Recipe:
    """Read and check `<schemas>/<dataset>/recipe.yaml`.

    Raises RecipeError with file, field and reason: a line for each mistake.
    """
    recipe, problems = read_recipe(schemas, dataset)
    if recipe is None or problems:
        raise RecipeError("\n".join(problems))
    return recipe


def read_recipe(schemas: Path, dataset: str) -> tuple[Recipe | None, list[str]]:
    """The recipe as far as it can be read, None if not at all, and a line for each mistake in it.

    Raises RecipeError when there is no such document.
    """
    where = f"schemas/{check_name(dataset)}/recipe.yaml"
    content = load_document(schemas / dataset / "recipe.yaml", where, RecipeError)
    told = []
    if content.pop("dataset", None) is not None:
        told.append("dataset: no such field; the folder's name is the dataset's, take it out")
    models = [value for value in globals().values() if isinstance(value, type) and issubclass(value, _Part)]
    fields = {name for model in models for name in model.model_fields} - {"dataset"}
    mending = Mending(content, fields, needed=("sources", "content", "label"))
    recipe, problems = mending.read(lambda mended: Recipe(dataset=dataset, **mended))
    told += problems
    if recipe:
        told += unfitting(recipe)
    return recipe, [f"{where}: {problem}" for problem in told]
