"""A YAML document people wrote, read as if it were hostile: bounded, plain data only, no key twice."""

from pathlib import Path
from typing import Any

import yaml

from lakemint.errors import LakemintError

MAX_BYTES = 512 * 1024
MAX_NODES = 50_000
"""Values in the document with its aliases written out; ends alias bombs and endless loops alike."""
MAX_DEPTH = 50
"""Fields and lists within one another."""


class DocumentError(LakemintError):
    """What is wrong with a document, without its name; `load_document` adds that."""


class _Loader(yaml.SafeLoader):
    """Plain YAML, with dates left as they are written, and a key that stands twice refused."""

    # Dates are not JSON, and a contract's digest is that of its JSON.
    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and shape PyYAML looks for
        first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise DocumentError("nested too deeply")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge keys multiply while they are read, before any bound could be checked."""
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            at = f"line {key.start_mark.line + 1}"
            if key.tag == "tag:yaml.org,2002:merge":
                raise DocumentError(f"{at}: merge keys (<<) are not allowed; write the fields out")
            if key.value in seen:
                raise DocumentError(f"{at}: {key.value!r} stands twice in one place; keep one")
            seen.add(key.value)


def load_document(path: Path, where: str, error: type[LakemintError]) -> dict[str, Any]:
    """The mapping in the YAML file `path`: strings, numbers, booleans, lists, mappings and null only.

    Raises `error`, its message beginning with `where`, when the file is missing, larger than MAX_BYTES,
    not YAML, asks for Python objects, or unfolds to more than MAX_NODES values.
    """
    try:
        content = parse(_read(path))
    except FileNotFoundError as problem:
        raise error(
            f"{where}: not found; each dataset is a folder with contract.yaml and recipe.yaml"
        ) from problem
    except OSError as problem:
        raise error(f"{where}: cannot be read ({problem.strerror})") from problem
    except DocumentError as problem:
        raise error(f"{where}: {problem}") from problem
    if not isinstance(content, dict):
        raise error(f"{where}: expected fields, like `name: reviews`")
    return content


def parse(text: str) -> Any:
    """The plain data in a YAML text; raises DocumentError, without a file's name."""
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as problem:
        raise DocumentError(f"not plain YAML: {_one_line(problem)}") from problem
    _check_plain(content)
    return content


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DocumentError(f"larger than {MAX_BYTES // 1024} KiB; a dataset's rows belong into raw objects")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise DocumentError(f"not UTF-8 at byte {problem.start}; save it as UTF-8") from problem


def _check_plain(content: Any) -> None:
    """Every value once for each way that leads to it, up to the bound."""
    seen, rest = 0, [content]
    while rest:
        value = rest.pop()
        seen += 1
        if seen > MAX_NODES:
            raise DocumentError(f"more than {MAX_NODES:,} values once its aliases are written out")
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise DocumentError(f"the key {key!r} is no text; quote it")
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
        elif not isinstance(value, str | int | float | None):
            raise DocumentError(
                f"{type(value).__name__} values are not allowed; write text, numbers or lists"
            )


def _one_line(problem: Exception) -> str:
    """YAML's own words, with the line, without its drawing of the file."""
    if isinstance(problem, yaml.MarkedYAMLError) and problem.problem_mark is not None:
        return f"line {problem.problem_mark.line + 1}: {problem.problem or problem.context}"
    return " ".join(str(problem).split())
