"""A version's description in Croissant: JSON-LD that names every file by its sha256, every split and field.

Source: MLCommons, "Croissant Format Specification", version 1.1.
"""

import base64
import json
import posixpath
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from lakemint.errors import LakemintError
from lakemint.export.format import Reading, Written, safe
from lakemint.export.responsible import responsible
from lakemint.names import LABEL, SAMPLE_ID
from lakemint.published.opened import OpenVersion

NAME = "croissant.json"
_TERMS: Final = (
    *("annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "excludes"),
    *("extract", "field", "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray"),
    *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "readLines", "recordSet"),
    *("references", "regex", "repeated", "replace", "samplingRate", "sdVersion", "separator", "source"),
    *("subField", "transform", "unArchive", "value"),
)
CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_TYPES: Final = {
    "string": "sc:Text",
    "binary": "sc:Text",
    "int64": "cr:Int64",
    "int32": "cr:Int32",
    "double": "cr:Float64",
    "float": "cr:Float32",
    "bool": "sc:Boolean",
    "date32[day]": "sc:Date",
    "timestamp[us, tz=UTC]": "sc:DateTime",
}
"""Arrow's name of a type → Croissant's, which has none for bytes."""
_SPLITS: Final = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
_ENCODINGS: Final = {".md": "text/markdown", ".html": "text/html", ".json": "application/json"}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def croissant(
    version: OpenVersion, files: Sequence[Written], reading: Reading, home: str = ""
) -> dict[str, Any]:
    """The description of a version in these files, as plain data; the same ones give the same.

    The files' paths are relative to `home`, which is so to where the description will lie: empty, or ending
    in a slash.
    """
    reference, description = version.reference, version.description
    splits = _by_split(files)
    rows = ", ".join(f"{name} {count:,}" for name, count in version.splits.items())
    own = f"Version {reference.number} of the dataset {reference.dataset}: {rows} examples."
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": reference.dataset,
        "description": f"{description.purpose}\n\n{own}".strip(),
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "url": _name_of(version.digest),
        "version": f"{reference.number}.0.0",
        "datePublished": version.published_at,
        "citeAs": f"{reference}, sha256 of its manifest {version.digest}",
        **({"license": description.license} if description.license else {}),
        "isLiveDataset": False,
        **responsible(version.manifest, description),
        "distribution": [
            *(_file(file, reading, home) for file in files),
            *(_files(split, paths, reading, home) for split, paths in splits.items()),
            *(
                _byte_files(split, paths, column)
                for split, paths in splits.items()
                for column in _apart(version, reading)
            ),
        ],
        "recordSet": [
            *([_split_names(list(splits))] if splits else []),
            *(_records(version, split, reading) for split in splits),
            *(_byte_records(split, column) for split in splits for column in _apart(version, reading)),
        ],
    }


def of_shards(version: OpenVersion) -> dict[str, Any]:
    """The description of a version as it lies in the lake; paths are relative to the version's card there.

    Raises LakemintError for one that Croissant has no words for.
    """
    if not has_words_for(version):
        raise LakemintError(
            f"{version.reference}: some of its shards are files that count only together, which Croissant "
            f"cannot say; `lakemint version export {version.reference} --to parquet` writes plain files and "
            "their croissant.json"
        )
    dataset, number = version.reference.dataset, version.reference.number
    home = version.lake.published(dataset)
    up = posixpath.relpath(home, version.lake.cards(dataset, number))
    files = [
        Written(
            path=version.lake.shard(dataset, shard.sha256).removeprefix(home),
            bytes=shard.bytes,
            sha256=shard.sha256,
            split=split,
            rows=shard.rows,
        )
        for split in version.splits
        for shard in version.manifest.splits[split].shards
    ]
    return croissant(version, files, Reading("application/vnd.apache.arrow.file", "column"), f"{up}/")


def has_words_for(version: OpenVersion) -> bool:
    """Not for overlays: files that count only together."""
    return not any(shard.overlays for shard in version.manifest.shards)


def as_text(described: dict[str, Any]) -> str:
    """JSON-LD for people and programs."""
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def _by_split(files: Sequence[Written]) -> dict[str, list[str]]:
    """Split → its files; only splits with examples have some."""
    found: dict[str, list[str]] = {}
    for file in files:
        if file.split is not None:
            found.setdefault(file.split, []).append(file.path)
    return found


def _name_of(digest: str) -> str:
    """The manifest's digest as a URI (RFC 6920): a version has a name, and no place on the web."""
    return f"ni:///sha-256;{base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b'=').decode()}"


def _file(file: Written, reading: Reading, home: str) -> dict[str, Any]:
    suffix = PurePosixPath(file.path).suffix
    encoding = reading.encoding if file.split else _ENCODINGS.get(suffix, "application/octet-stream")
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": PurePosixPath(file.path).name,
        "contentUrl": f"{home}{file.path}",
        "contentSize": f"{file.bytes} B",
        "encodingFormat": encoding,
        "sha256": file.sha256,
    }


def _files(split: str, paths: list[str], reading: Reading, home: str) -> dict[str, Any]:
    inside = reading.inside
    return {
        "@type": "cr:FileSet",
        "@id": f"{split}-files",
        "name": f"{split}-files",
        "encodingFormat": inside[1] if inside else reading.encoding,
        "includes": inside[0] if inside else [f"{home}{path}" for path in paths],
        **({"containedIn": [{"@id": path} for path in paths]} if inside else {}),
    }


def _byte_files(split: str, paths: list[str], column: str) -> dict[str, Any]:
    """The files of one column of bytes in the archives of a split."""
    return {
        "@type": "cr:FileSet",
        "@id": f"{split}-{safe(column)}-files",
        "name": f"{split}-{column}-files",
        "encodingFormat": "application/octet-stream",
        "includes": f"*.{safe(column)}.*",
        "containedIn": [{"@id": path} for path in paths],
    }


def _apart(version: OpenVersion, reading: Reading) -> list[str]:
    """The columns that are files of their own."""
    columns = version.manifest.columns
    return [] if reading.by == "column" else [one.name for one in columns if one.type == "binary"]


def _split_names(splits: list[str]) -> dict[str, Any]:
    # The example of the specification has only `cr:Split`; mlcroissant wants a type of values beside it.
    fields = [("splits/name", "sc:Text"), ("splits/url", ["cr:Split", "sc:URL"])]
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [{"@type": "cr:Field", "@id": id_, "dataType": kind} for id_, kind in fields],
        "data": [{"splits/name": split, "splits/url": _SPLITS.get(split, "cr:Split")} for split in splits],
    }


def _records(version: OpenVersion, split: str, reading: Reading) -> dict[str, Any]:
    apart = _apart(version, reading)
    columns = [column for column in version.manifest.columns if column.name not in apart]
    fields = [_field(split, column.name, column.type, reading) for column in columns]
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"{version.splits[split]:,} examples.",
        "key": {"@id": f"{split}/{SAMPLE_ID}"},
        "field": fields,
    }


def _byte_records(split: str, column: str) -> dict[str, Any]:
    """A column of bytes: the key of the sample, by the name of its file, and the file's content."""
    name = f"{split}-{safe(column)}"
    key = {"extract": {"fileProperty": "filename"}, "transform": {"regex": r"^([^.]+)\."}}
    parts = {SAMPLE_ID: key, "content": {"extract": {"fileProperty": "content"}}}
    return {
        "@type": "cr:RecordSet",
        "@id": f"{name}-bytes",
        "name": f"{split}-{column}-bytes",
        "key": {"@id": f"{name}-bytes/{SAMPLE_ID}"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}-bytes/{part}",
                "name": part,
                "dataType": _TYPES["binary"],
                "source": {"fileSet": {"@id": f"{name}-files"}, **source},
            }
            for part, source in parts.items()
        ],
    }


def _field(split: str, column: str, kind: str, reading: Reading) -> dict[str, Any]:
    data_type = _TYPES[kind]
    path = f"$.{column}" if _PLAIN.fullmatch(column) else f"$[{column!r}]"
    extract = {"column": column} if reading.by == "column" else {"jsonPath": path}
    return {
        "@type": "cr:Field",
        "@id": f"{split}/{safe(column)}",
        "name": column,
        "dataType": [data_type, "cr:Label"] if column == LABEL else data_type,
        "source": {"fileSet": {"@id": f"{split}-files"}, "extract": extract},
    }
