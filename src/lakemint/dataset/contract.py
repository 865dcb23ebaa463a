"""`contract.yaml`: what a dataset's tables hold and promise, as an Open Data Contract (ODCS 3.x)."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from lakemint.dataset.document import load_document
from lakemint.dataset.odcs import RuleError, implied_rules, quality_rules
from lakemint.dataset.quality import Column, Rule, Type
from lakemint.dataset.standard import standard_problems, unknown_type
from lakemint.digest import digest_of
from lakemint.errors import ContractError
from lakemint.names import PROVENANCE, SAMPLE_ID, SOURCE, SPLIT, check_name

CONTRACT_TABLES: Final = ("silver", "gold")
"""The tables a contract describes: the refined samples, and the labeled ones."""

PHYSICAL: Final[tuple[Type, ...]] = ("string", "binary", "long", "double", "boolean", "date", "timestamp")
LOGICAL: Final[dict[str, Type]] = {
    "string": "string",
    "integer": "long",
    "number": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
_PROVENANCE: Final[dict[str, Type]] = {"object": "string", "line": "long", "etag": "string", "batch": "long"}
_SPLIT: Final[dict[str, Type]] = {SPLIT: "string"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_SUBJECT: Final = "dataSubject"
"""The custom property of the column that says who gave a record: the standard has no field for it."""


@dataclass(frozen=True)
class Table:
    """What the contract says of `silver` or `gold`. System columns are not in `columns`."""

    name: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    """In the order of the contract, implied rules of a column before its own; names are unique."""

    @property
    def stored(self) -> dict[str, Type]:
        """Every column the Delta table holds, in order: the contract's, and those the road adds."""
        columns: dict[str, Type] = {SAMPLE_ID: "string"}
        columns |= {column.name: column.type for column in self.columns}
        return columns | (_PROVENANCE if self.name == "silver" else _SPLIT)

    @property
    def suite_digest(self) -> str:
        """The digest of all that a gate checks of this table."""
        rules = [{**asdict(rule), "arguments": dict(rule.arguments)} for rule in self.rules]
        return digest_of({"columns": self.stored, "rules": rules})

    def allowed(self, column: str) -> set[str]:
        """The values that a critical rule allows in a column; empty when there is no such rule."""
        return {
            str(value)
            for rule in self.rules
            if rule.kind == "in_set" and rule.column == column and rule.severity == "critical"
            for value in rule.arguments["values"]
        }

    def column(self, name: str) -> Column | None:
        """The property of that name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class Contract:
    """One dataset's contract. `digest` is that of the whole document, as canonical JSON."""

    dataset: str
    digest: str
    tables: tuple[Table, ...]
    document: Mapping[str, Any] = field(repr=False)
    """As it was written."""
    subject: str | None = None
    """The column of silver that says who gave a record; None when the contract names none."""

    def table(self, name: str) -> Table:
        """`silver` or `gold`; raises ContractError for any other."""
        for table in self.tables:
            if table.name == name:
                return table
        raise ContractError(f"the contract describes {' and '.join(CONTRACT_TABLES)}, not {name!r}")


def load_contract(schemas: Path, dataset: str) -> Contract:
    """Read and check `<schemas>/<dataset>/contract.yaml`.

    Raises ContractError naming file, place, what is wrong and the way out: a line for each problem.
    """
    where = f"schemas/{check_name(dataset)}/contract.yaml"
    document = load_document(schemas / dataset / "contract.yaml", where, ContractError)
    try:
        digest = digest_of(document)
    except UnicodeEncodeError as error:
        raise ContractError(f"{where}: holds half a character ({error}); take it out") from error
    except ValueError as error:
        raise ContractError(f"{where}: a number cannot be kept exactly ({error}); quote it") from error
    problems = list(standard_problems(document, LOGICAL)) or list(
        _identity_problems(document, schemas, dataset)
    )
    if problems:
        raise _error(where, problems)
    tables = tuple(_table(item, problems) for item in document["schema"] if item["name"] in CONTRACT_TABLES)
    subject = _subject(document, tables, problems)
    if problems:
        raise _error(where, problems)
    return Contract(dataset, digest, tables, document, subject)


def datasets(schemas: Path) -> list[str]:
    """Names of the datasets: the folders with a contract or a recipe, sorted. Reads no file."""
    return sorted(
        path.name
        for path in schemas.iterdir()
        if not path.name.startswith((".", "_"))
        and ((path / "contract.yaml").is_file() or (path / "recipe.yaml").is_file())
    )


def _error(where: str, problems: Iterable[str]) -> ContractError:
    return ContractError("\n".join(f"{where}: {problem}" for problem in dict.fromkeys(problems)))


def _identity_problems(document: Mapping[str, Any], schemas: Path, dataset: str) -> Iterator[str]:
    """Whether this is the contract of that dataset, of a version we read, with the tables we need."""
    version, name = document["apiVersion"], document.get("name")
    if not version.startswith("v3."):
        yield f"apiVersion: {version} is not read; write the contract as v3.1.0"
    if name != dataset:
        yield _wrong_name(name, schemas, dataset)
    counted = Counter(item["name"] for item in document.get("schema", ()))
    for table in CONTRACT_TABLES:
        if table not in counted:
            yield f"schema: no {table}; describe both {' and '.join(CONTRACT_TABLES)}"
        elif counted[table] > 1:
            yield f"schema: {table} is described twice; keep one"


def _wrong_name(name: object, schemas: Path, dataset: str) -> str:
    other = isinstance(name, str) and name in datasets(schemas)
    taken = (
        f"{name!r} is the dataset of schemas/{name}, and two cannot share a name"
        if other
        else repr(name or "")
    )
    return f"name: {taken}; a dataset is named like its folder: write name: {dataset}, or rename the folder"


def _table(item: Mapping[str, Any], problems: list[str]) -> Table:
    """The table, adding to `problems` what is wrong with it."""
    place = f"schema[{item['name']}]"
    properties = item.get("properties", [])
    if not properties:
        problems.append(f"{place}.properties: none; name the table's columns")
    twice = Counter(prop["name"].lower() for prop in properties)
    key = [prop["name"] for prop in properties if prop.get("primaryKey")]
    columns, rules = [], []
    for prop in properties:
        here = f"{place}.properties[{prop['name']}]"
        found = [*_name_problems(prop["name"], twice), *_type_problems(prop)]
        if found:
            problems.extend(f"{here}{problem}" for problem in found)
            continue
        column = _column(prop, key)
        columns.append(column)
        rules += _collected(partial(implied_rules, column, prop), here, problems)
        rules += _quality(prop, here, column, problems)
    if len(key) > 1:
        rules.append(Rule(f"{' and '.join(key)} are unique together", "unique", None, {"columns": key}))
    rules += _quality(item, place, None, problems)
    table = Table(item["name"], tuple(columns), _distinct(rules, place, problems))
    problems.extend(_dangling(table, place))
    return table


def _name_problems(name: str, twice: Mapping[str, int]) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield ": a column's name is letters, digits and _, a letter first, up to 100"
    if twice[name.lower()] > 1:
        yield ": stands twice in this table (case makes no difference); keep one"
    if name.lower() in (*PROVENANCE, SPLIT):
        yield f": the road adds {', '.join((*PROVENANCE, SPLIT))} itself; choose another name"


def _type_problems(prop: Mapping[str, Any]) -> Iterator[str]:
    physical, logical = prop.get("physicalType"), prop.get("logicalType")
    if physical is None and logical is None:
        yield f": no type; write logicalType: one of {', '.join(LOGICAL)}"
    elif physical is not None and physical.lower() not in PHYSICAL:
        yield f".physicalType: {unknown_type(physical, PHYSICAL)}"
    elif physical is None and logical not in LOGICAL:
        yield f".logicalType: {unknown_type(logical, LOGICAL)}"
    elif prop["name"] == SAMPLE_ID and str(physical or logical).lower() != "string":
        yield f": {SAMPLE_ID} is a string; write logicalType: string"


def _column(prop: Mapping[str, Any], key: list[str]) -> Column:
    name, physical = prop["name"], prop.get("physicalType", "").lower()
    return Column(
        name,
        {known: known for known in PHYSICAL}.get(physical) or LOGICAL[prop["logicalType"]],
        required=bool(prop.get("required")) or name in key,
        unique=bool(prop.get("unique")) or key == [name],
    )


def _quality(item: Mapping[str, Any], place: str, column: Column | None, problems: list[str]) -> list[Rule]:
    name, kind = (column.name, column.type) if column else (None, None)
    found: list[Rule] = []
    for number, entry in enumerate(item.get("quality", ())):
        here = f"{place}.quality[{entry.get('name', number)}]"
        found += _collected(partial(quality_rules, entry, name, kind), here, problems)
    return found


def _collected(make: Callable[[], Iterable[Rule]], place: str, problems: list[str]) -> list[Rule]:
    try:
        return list(make())
    except RuleError as error:
        problems.append(f"{place}: {error}")
        return []


def _distinct(rules: Iterable[Rule], place: str, problems: list[str]) -> tuple[Rule, ...]:
    """The rules, each meaning once (the stricter severity), each name once."""
    kept: dict[str, Rule] = {}
    for rule in rules:
        if rule.meaning not in kept or rule.severity == "critical":
            kept[rule.meaning] = rule
    for name, count in Counter(rule.name for rule in kept.values()).items():
        if count > 1:
            problems.append(f"{place}: two quality rules are named {name!r}; name them apart")
    return tuple(kept.values())


def _dangling(table: Table, place: str) -> Iterator[str]:
    for rule in table.rules:
        for name in rule.arguments.get("columns", ()):
            if table.column(name) is None:
                yield f"{place}: quality rule {rule.name!r} names {name!r}, which is no property here"


def _subject(document: Mapping[str, Any], tables: Iterable[Table], problems: list[str]) -> str | None:
    """The column marked as the data subject, adding to `problems` what is wrong with such marks."""
    silver = {column.name: column for table in tables if table.name == "silver" for column in table.columns}
    found: list[str] = []
    for place, name, value in _subject_marks(document):
        if value is not True:
            problems.append(f"{place}: {_SUBJECT} is {value!r}; write value: true, or take it out")
        elif name is None:
            problems.append(f"{place}: {_SUBJECT} belongs to a property of silver; move it there")
        elif name in (SAMPLE_ID, SOURCE):
            problems.append(f"{place}: the road makes {name} itself, it names nobody; mark another column")
        elif name in silver and silver[name].type != "string":
            problems.append(f"{place}: {_SUBJECT} needs a string, not {silver[name].type}; mark one of text")
        else:
            found.append(name)
    if len(found) > 1:
        problems.append(f"schema[silver]: {' and '.join(found)} are each {_SUBJECT}; mark one of them")
    return found[0] if found else None


def _subject_marks(document: Mapping[str, Any]) -> Iterator[tuple[str, str | None, object]]:
    """Place, name if it is a property of silver, and value of each mark."""
    items: list[tuple[str, str | None, Mapping[str, Any]]] = [("contract", None, document)]
    for table in document["schema"]:
        place = f"schema[{table['name']}]"
        items.append((place, None, table))
        for prop in table.get("properties", ()):
            name = prop["name"] if table["name"] == "silver" else None
            items.append((f"{place}.properties[{prop['name']}]", name, prop))
    for place, name, item in items:
        for custom in item.get("customProperties", ()):
            if custom["property"] == _SUBJECT:
                yield f"{place}.customProperties", name, custom["value"]
