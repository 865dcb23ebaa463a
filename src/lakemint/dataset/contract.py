"""`contract.yaml`: what a dataset's tables hold and promise, as an Open Data Contract (ODCS 3.x)."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from lakemint.dataset.document import load_document
from lakemint.dataset.folder import datasets
from lakemint.dataset.odcs import RuleError, implied_rules, quality_rules
from lakemint.dataset.quality import Column, Rule, Type
from lakemint.dataset.standard import Path as Place
from lakemint.dataset.standard import Wrong, standard_problems, unknown_type
from lakemint.dataset.subject_mark import subject_column
from lakemint.digest import digest_of
from lakemint.errors import ContractError
from lakemint.names import PROVENANCE, SAMPLE_ID, SPLIT, check_name

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
UNNAMED: Final = ""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True)
class Table:
    """What the contract says of `silver` or `gold`. System columns are not in `columns`."""

    name: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    """In the order of the contract, implied rules of a column before its own; names are unique."""
    unread: frozenset[str] = frozenset()
    """Names of properties that are there, but could not be read; `UNNAMED` for one without a name."""

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

    def knows(self, name: str) -> bool:
        """Whether there is, or may be, a property of that name."""
        return self.column(name) is not None or not self.unread.isdisjoint((name, UNNAMED))


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
    contract, problems = read_contract(schemas, dataset)
    if problems:
        raise ContractError("\n".join(problems))
    return contract


def read_contract(schemas: Path, dataset: str) -> tuple[Contract, list[str]]:
    """The contract as far as it can be read, and a line for each problem with it.

    Raises ContractError when there is no such document, or none that has a digest.
    """
    where = f"schemas/{check_name(dataset)}/contract.yaml"
    document = load_document(schemas / dataset / "contract.yaml", where, ContractError)
    try:
        digest = digest_of(document)
    except UnicodeEncodeError as error:
        raise ContractError(f"{where}: holds half a character ({error}); take it out") from error
    except ValueError as error:
        raise ContractError(f"{where}: a number cannot be kept exactly ({error}); quote it") from error
    found = standard_problems(document, LOGICAL)
    problems = [problem.text for problem in found]
    wrong = Wrong(path for problem in found for path in (problem.at, problem.meant))
    problems += _identity_problems(document, wrong, schemas, dataset)
    tables = tuple(_Reading(wrong, problems).tables(document))
    silver = [column for table in tables if table.name == "silver" for column in table.columns]
    subject = None if found else subject_column(document, silver, problems)
    return Contract(dataset, digest, tables, document, subject), [
        f"{where}: {text}" for text in dict.fromkeys(problems)
    ]


def _identity_problems(
    document: Mapping[str, Any], wrong: Wrong, schemas: Path, dataset: str
) -> Iterator[str]:
    """Whether this is the contract of that dataset, of a version we read, with the tables we need."""
    version, name = str(document.get("apiVersion")), document.get("name")
    if not wrong.at("apiVersion") and "apiVersion" in document and not version.startswith("v3."):
        yield f"apiVersion: {version} is not read; write the contract as v3.1.0"
    if not wrong.at("name") and name != dataset:
        yield _wrong_name(name, schemas, dataset)
    schema = document.get("schema", [])
    if wrong.at("schema") or any(
        wrong.at("schema", i) or wrong.at("schema", i, "name") for i in range(len(schema))
    ):
        return
    counted = Counter(item["name"] for item in schema)
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


@dataclass(frozen=True)
class _Reading:
    """Reads what is sound of a document's tables, adding to `problems` what else is wrong with them."""

    wrong: Wrong
    problems: list[str]

    def tables(self, document: Mapping[str, Any]) -> Iterator[Table]:
        """Those that have properties one can look at."""
        schema = document.get("schema")
        for number, item in enumerate(schema if isinstance(schema, list) else ()):
            at = ("schema", number)
            if isinstance(item, dict) and item.get("name") in CONTRACT_TABLES:
                if not item.get("properties") and not self.wrong.at(*at, "properties"):
                    self.problems.append(f"schema[{item['name']}].properties: none; name the table's columns")
                elif not self.wrong.at(*at, "properties"):
                    yield self._table(item, at)

    def _table(self, item: Mapping[str, Any], at: Place) -> Table:
        place, properties = f"schema[{item['name']}]", item["properties"]
        named = {
            number: prop
            for number, prop in enumerate(properties)
            if isinstance(prop, dict) and isinstance(prop.get("name"), str)
        }
        twice = Counter(prop["name"].lower() for prop in named.values())
        key = [prop["name"] for prop in named.values() if prop.get("primaryKey")]
        columns, rules = [], []
        unread = {UNNAMED} if len(named) < len(properties) else set()
        for number, prop in named.items():
            here, spot = f"{place}.properties[{prop['name']}]", (*at, "properties", number)
            column = self._column(prop, key, twice, here, spot)
            if column is None:
                unread.add(prop["name"])
                continue
            columns.append(column)
            sound = {name: value for name, value in prop.items() if not self.wrong.below(*spot, name)}
            rules += self._collected(partial(implied_rules, column, sound), here)
            rules += self._quality(prop, here, spot, column)
        if len(key) > 1:
            rules.append(Rule(f"{' and '.join(key)} are unique together", "unique", None, {"columns": key}))
        rules += self._quality(item, place, at, None)
        distinct = _distinct(rules, place, self.problems)
        table = Table(item["name"], tuple(columns), distinct, frozenset(unread))
        self.problems.extend(_dangling(table, place))
        return table

    def _column(
        self, prop: Mapping[str, Any], key: list[str], twice: Mapping[str, int], here: str, spot: Place
    ) -> Column | None:
        """The column; None when its name or type cannot be told."""
        untyped = any(self.wrong.at(*spot, field) for field in ("logicalType", "physicalType"))
        found = [*_name_problems(prop["name"], twice), *([] if untyped else _type_problems(prop))]
        self.problems.extend(f"{here}{problem}" for problem in found)
        return None if untyped or found else _column(prop, key)

    def _quality(self, item: Mapping[str, Any], place: str, spot: Place, column: Column | None) -> list[Rule]:
        name, kind = (column.name, column.type) if column else (None, None)
        entries = () if self.wrong.at(*spot, "quality") else item.get("quality", ())
        found: list[Rule] = []
        for number, entry in enumerate(entries):
            if not self.wrong.below(*spot, "quality", number):
                here = f"{place}.quality[{entry.get('name', number)}]"
                found += self._collected(partial(quality_rules, entry, name, kind), here)
        return found

    def _collected(self, make: Callable[[], Iterable[Rule]], place: str) -> list[Rule]:
        try:
            return list(make())
        except RuleError as error:
            self.problems.append(f"{place}: {error}")
            return []


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
            if not table.knows(name):
                yield f"{place}: quality rule {rule.name!r} names {name!r}, which is no property here"
