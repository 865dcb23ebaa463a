"""The folder of datasets, `schemas/`: each dataset is a folder in it."""

from pathlib import Path

from lakemint.errors import ConfigError, LakemintError


def datasets(schemas: Path) -> list[str]:
    """Names of the datasets: the folders with a contract or a recipe, sorted. Reads no file.

    Raises ConfigError when the folder cannot be read.
    """
    try:
        return sorted(path.name for path in schemas.iterdir() if _is_dataset(path))
    except OSError as error:
        raise ConfigError(
            f"{schemas}: cannot be read ({error.strerror}); mend it, or LAKEMINT_SCHEMAS"
        ) from error


def require_known(schemas: Path | None, dataset: str) -> None:
    """Raises LakemintError for a dataset, nothing of which is in the lake, that the folder has not either."""
    known = datasets(schemas) if schemas else [dataset]
    if dataset not in known:
        raise LakemintError(
            f"nothing is published as {dataset!r}, and schemas/ has no such dataset; "
            f"there are {', '.join(known) or 'none'}"
        )


def _is_dataset(path: Path) -> bool:
    if path.name.startswith((".", "_")):
        return False
    try:
        return any((path / name).is_file() for name in ("contract.yaml", "recipe.yaml"))
    except PermissionError:  # one that we may not look into: who reads it says so, and the others are there
        return True
