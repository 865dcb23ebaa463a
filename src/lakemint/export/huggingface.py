"""The layout of the Hugging Face Hub: the Parquet files, and a README.md whose head names the splits."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from lakemint.export.format import README, Written
from lakemint.export.parquet import Parquet
from lakemint.published.opened import OpenVersion

_DTYPES: Final = {"double": "float64", "float": "float32", "date32[day]": "date32"}
"""Arrow's name of a type → that of `datasets`, where they are not one."""
_SIZES: Final = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
    (10**12, "100B<n<1T"),
)
"""Rows below → what the Hub calls that many."""


class HuggingFace(Parquet):
    """The Parquet files, and a head for the data card."""

    def companions(self, version: OpenVersion, files: Sequence[Written]) -> Mapping[str, str]:
        head = yaml.safe_dump(_head(version, files), sort_keys=False, allow_unicode=True)
        return {README: f"---\n{head}---\n\n"}


def _head(version: OpenVersion, files: Sequence[Written]) -> dict[str, Any]:
    """Fields: Hugging Face Hub, "Dataset Cards" and "Manual configuration of a dataset viewer"."""
    rows = sum(version.splits.values())
    # `load_dataset` refuses a dataset one of whose splits has no row.
    splits = {name: count for name, count in version.splits.items() if count}
    sizes = {name: sum(shard.stored for shard in version.manifest.splits[name].shards) for name in splits}
    return {
        "pretty_name": str(version.reference),
        "size_categories": [next((name for below, name in _SIZES if rows < below), "n>1T")],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": name, "path": f"data/{name}-*.parquet"} for name in splits],
            }
        ],
        "dataset_info": {
            "features": [
                {"name": column.name, "dtype": _DTYPES.get(column.type, column.type)}
                for column in version.manifest.columns
            ],
            "splits": [
                {"name": name, "num_bytes": sizes[name], "num_examples": count}
                for name, count in splits.items()
            ],
            "download_size": sum(file.bytes for file in files),
            "dataset_size": sum(sizes.values()),
        },
    }
