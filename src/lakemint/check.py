"""Whether a dataset's contract, recipe and label form fit together: what no one of them can tell alone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from lakemint.dataset.contract import CONTRACT_TABLES, Contract, Table, read_contract
from lakemint.dataset.recipe import Recipe, read_recipe
from lakemint.errors import LakemintError
from lakemint.names import LABEL, SAMPLE_ID, SOURCE

Found = TypeVar("Found")

_ENCODED: Final = {"text": "string", "image": "binary"}
"""Kind of the baseline's input → the type of its column."""


def check_dataset(schemas: Path, dataset: str) -> None:
    """Raises LakemintError, with a line for each problem, unless contract, recipe and form fit."""
    if found := problems(schemas, dataset):
        raise LakemintError("\n".join(found))


def problems(schemas: Path, dataset: str) -> list[str]:
    """Everything that is wrong with a dataset, a line each, with the way out; empty when all is well.

    Custom quality rules are compiled too, which imports Great Expectations (seconds).
    """
    contract, lines = _attempt(lambda: read_contract(schemas, dataset))
    recipe, more = _attempt(lambda: read_recipe(schemas, dataset))
    lines += more
    if contract is not None:
        lines += _attempt(lambda: _compile(contract))[1]
    if contract is not None and recipe is not None and len(contract.tables) == len(CONTRACT_TABLES):
        lines += _misfits(contract, recipe)
        lines += _attempt(lambda: _check_form(schemas, contract, recipe))[1]
    return list(dict.fromkeys(lines))


def _attempt(read: Callable[[], tuple[Found | None, list[str]]]) -> tuple[Found | None, list[str]]:
    """What can be read, and a line for each problem, those included that let nothing be read."""
    try:
        return read()
    except LakemintError as error:
        return None, str(error).splitlines()


def _compile(contract: Contract) -> tuple[None, list[str]]:
    for table in contract.tables:
        if any(rule.kind == "custom" for rule in table.rules):
            from lakemint.gate.suite import compile_rules

            compile_rules(table)
    return None, []


def _check_form(schemas: Path, contract: Contract, recipe: Recipe) -> tuple[None, list[str]]:
    from lakemint.label.form import load_form

    if recipe.label.form is not None:
        load_form(schemas, contract, recipe)
    return None, []


def _misfits(contract: Contract, recipe: Recipe) -> Iterator[str]:
    """Where contract and recipe contradict each other."""
    silver, gold = contract.table("silver"), contract.table("gold")
    found = (*_silver(silver, recipe), *_gold(silver, gold), *_labels(gold, recipe), *_custom(contract))
    for place, text in found:
        yield f"schemas/{contract.dataset}/{place}: {text}"


def _silver(silver: Table, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Silver is made of the sources' columns; the recipe works on silver's."""
    made = {SAMPLE_ID, SOURCE, *recipe.columns}
    for column in silver.columns:
        if column.name not in made:
            yield (
                f"contract.yaml: schema[silver].properties[{column.name}]",
                f"no source in recipe.yaml has it; there are {', '.join(recipe.columns)}",
            )
    for field, name in _used(recipe):
        if name is not None and not silver.knows(name):
            yield f"recipe.yaml: {field}", f"{name!r} is no column of silver; {_names(silver)}"


def _used(recipe: Recipe) -> Iterator[tuple[str, str | None]]:
    """(field, the column of silver that it names, if any)."""
    yield from ((f"content: {name}", name) for name in recipe.content if name in recipe.columns)
    label = recipe.label
    yield "label.known", label.known
    yield "label.sample.strata", label.sample.strata if label.sample else None
    yield "label.replay.key", label.replay.key if label.replay else None
    stratify = recipe.split.stratify or ""
    yield "split.stratify", stratify if recipe.columns.get(stratify) == "string" else None


def _gold(silver: Table, gold: Table) -> Iterator[tuple[str, str]]:
    """Gold is silver's columns and the label."""
    label = gold.column(LABEL)
    if not gold.knows(LABEL):
        yield "contract.yaml: schema[gold]", f"no property {LABEL!r}; gold is what people labeled"
    elif label and label.type != "string":
        yield f"contract.yaml: schema[gold].properties[{LABEL}]", f"{label.type}, but a label is a string"
    for column in gold.columns:
        place = f"contract.yaml: schema[gold].properties[{column.name}]"
        origin = silver.column(column.name)
        if column.name in (LABEL, SAMPLE_ID):
            continue
        if not silver.knows(column.name):
            yield place, f"silver has no such column to take it from; {_names(silver)}"
        elif origin and origin.type != column.type:
            yield place, f"{column.type} here, but {origin.type} in silver; write the same type"


def _labels(gold: Table, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """The classes the recipe makes are those the contract allows; the baseline reads what gold holds."""
    allowed = gold.allowed(LABEL)
    for name in sorted(recipe.label.classes.keys() - allowed) if allowed else ():
        yield (
            f"recipe.yaml: label.classes.{name}",
            f"the contract's gold allows only {', '.join(sorted(allowed))}; write one of them",
        )
    if recipe.baseline is None:
        return
    column, kind = gold.column(recipe.baseline.input), _ENCODED[recipe.baseline.encode]
    if not gold.knows(recipe.baseline.input):
        yield "recipe.yaml: baseline.input", f"{recipe.baseline.input!r} is no column of gold; {_names(gold)}"
    elif column and column.type != kind:
        yield "recipe.yaml: baseline.encode", f"{recipe.baseline.encode} needs {kind}, not {column.type}"


def _custom(contract: Contract) -> Iterator[tuple[str, str]]:
    """A custom rule is about columns that are there."""
    for table in contract.tables:
        for rule in (rule for rule in table.rules if rule.kind == "custom"):
            for key, value in rule.arguments["kwargs"].items():
                for name in _listed(value) if key.startswith("column") else ():
                    if not table.knows(name):
                        place = f"contract.yaml: schema[{table.name}]: {rule.name[:80]}"
                        yield place, f"{key}: there is no column {name!r}; {_names(table)}"


def _listed(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else [str(value)]


def _names(table: Table) -> str:
    return f"there are {', '.join(column.name for column in table.columns)}"
