"""Opening versions: what is there, what is not, and what is not what it should be."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import ConfigError, FormatError, IntegrityError, LakemintError, VersionNotFound
from lakemint.keys import create_keys, public_path, read_private_key
from lakemint.lake import Lake
from lakemint.published.signatures import sign
from lakemint.store import open_store
from tests.unit.small_version import WHEN, publish, rewrite, row, settings

OWN = b'{"format": "lakemint.channel/1", "dataset": "notes", "channel": "production"'
SHARD = {"bytes": 1, "rows": 2**53 - 1}
ROWS = [row(index, "test" if index % 5 == 0 else "train") for index in range(40)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = settings(tmp_path)
    publish(config, ROWS)
    return config


def stored(config: Config, pattern: str) -> list[Path]:
    return sorted(Path(config.lake.removeprefix("file://")).glob(f"published/notes/{pattern}"))


def rows(config: Config, split: str = "train") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lakemint.open("notes@1", split=split, config=config).to_table().to_pylist()
    return found


def test_a_version_says_what_it_is(config: Config) -> None:
    version = lakemint.open("notes@1", config=config)
    assert (version.name, version.dataset, version.number) == ("notes@1", "notes", 1)
    assert version.splits == ("train", "validation", "test")
    assert version.published_at == WHEN
    assert version.digest == sha256(stored(config, "manifests/*")[0].read_bytes()).hexdigest()
    assert version.schema.names == ["sample_id", "text", "stars", "label"]
    assert "notes@1" in repr(version)
    assert "train 32" in repr(version)
    assert len(version["train"]) == 32
    assert lakemint.versions("notes", config=config) == ["notes@1"]


def test_a_lake_and_a_cache_may_lie_in_folders_of_any_name(tmp_path: Path) -> None:
    odd = settings(tmp_path / "my f\u00f6lder \u6e56")
    publish(odd, ROWS)
    assert len(rows(odd)) == 32
    assert Path(odd.cache).is_dir()


def test_rows_are_those_published(config: Config) -> None:
    columns = ("sample_id", "text", "stars", "label")
    for split in ("train", "test"):
        expected = [{name: r[name] for name in columns} for r in ROWS if r["split"] == split]
        assert sorted(rows(config, split), key=str) == sorted(expected, key=str)


def test_a_version_that_is_not_there_names_those_that_are(config: Config) -> None:
    publish(config, ROWS[1:])
    with pytest.raises(VersionNotFound, match="notes@7: no such version; there are notes@1, notes@2"):
        lakemint.open("notes@7", config=config)
    with pytest.raises(VersionNotFound, match=r"'notes' names no version: .*notes@1, notes@2"):
        lakemint.open("notes", config=config)
    with pytest.raises(VersionNotFound, match="others has no published version yet"):
        lakemint.open("others@1", config=config)


def promote(config: Config, name: str, number: int) -> None:
    """A channel's record, as far as readers need it."""
    digest = lakemint.open(f"notes@{number}", config=config).digest
    own = {"format": "lakemint.channel/1", "dataset": "notes", "channel": name}
    record = {**own, "version": number, "manifest": digest}
    open_store(config).put(f"published/notes/channels/{name}.json", json.dumps(record).encode())


def test_a_channel_opens_the_version_it_points_to_now(config: Config) -> None:
    publish(config, ROWS[1:])
    promote(config, "production", 2)
    version = lakemint.open("notes@production", config=config)
    assert (version.name, version.number) == ("notes@2", 2)
    promote(config, "production", 1)
    assert lakemint.open("notes@production", split="train", config=config).name == "notes@1/train"
    assert version.name == "notes@2"


def test_a_channel_that_is_not_there_names_those_that_are(config: Config) -> None:
    with pytest.raises(
        VersionNotFound, match="notes has no channel yet; `lakemint promote notes@<number> --to"
    ):
        lakemint.open("notes@production", config=config)
    for name in ("staging", "canary"):
        promote(config, name, 1)
    open_store(config).put("published/notes/channels/README", b"")
    with pytest.raises(
        VersionNotFound, match="notes@production: no such channel; there are notes@canary, notes@staging"
    ):
        lakemint.open("notes@production", config=config)


def test_a_channel_whose_version_became_another_is_refused(config: Config) -> None:
    publish(config, ROWS[1:])
    promote(config, "production", 1)
    path = stored(config, "versions/*")[0]
    other = lakemint.open("notes@2", config=config).digest
    rewrite(path, manifest=other)
    with pytest.raises(IntegrityError, match=r"channels/production\.json: notes@1 is not what was promoted"):
        lakemint.open("notes@production", config=config)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[" * 10_000,
        b'{"format": "lakemint.channel/2"}',
        OWN + b"}",
        OWN + b', "version": "1", "manifest": ""}',
        OWN + b', "version": 1, "manifest": "../x"}',
        OWN + b', "version": -1, "manifest": "%s"}' % (b"a" * 64),
    ],
)
def test_a_channel_we_cannot_read_is_named(config: Config, data: bytes) -> None:
    open_store(config).put("published/notes/channels/production.json", data)
    with pytest.raises(FormatError, match=r"channels/production\.json"):
        lakemint.open("notes@production", config=config)


@pytest.mark.parametrize(
    "text",
    ["notes@0", "notes@x", "notes@", "notes@Production", "notes@3rd", "@1", "../x@1", "notes@1@2", "Notes"],
)
def test_what_is_no_version_is_refused(config: Config, text: str) -> None:
    with pytest.raises(LakemintError, match="is no "):
        lakemint.open(text, config=config)


def test_an_unknown_split_names_the_known_ones(config: Config) -> None:
    with pytest.raises(LakemintError, match="no split 'dev'; there are train, validation, test"):
        lakemint.open("notes@1", split="dev", config=config)


def test_a_changed_manifest_is_refused_by_name(config: Config) -> None:
    path = stored(config, "manifests/*")[0]
    path.write_bytes(path.read_bytes().replace(b'"rows":32', b'"rows":33'))
    with pytest.raises(IntegrityError, match=f"manifests/{path.name}"):
        lakemint.open("notes@1", config=config)
    path.unlink()
    with pytest.raises(IntegrityError, match="is gone"):
        lakemint.open("notes@1", config=config)


@pytest.mark.parametrize("offset", [0, 300, -1])
def test_one_flipped_bit_of_a_stored_shard_is_found_and_named(config: Config, offset: int) -> None:
    path = stored(config, "shards/*")[0]
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=f"shards/{path.name}"):
        rows(config), rows(config, "test")
    assert not list(Path(config.cache).glob(f"*{path.stem}*"))  # and is not kept


@pytest.mark.parametrize("harm", ["shorter", "longer", "gone"])
def test_a_shard_of_another_length_or_none_is_named(config: Config, harm: str) -> None:
    for path in stored(config, "shards/*"):
        data = path.read_bytes()
        path.unlink()
        if harm != "gone":
            path.write_bytes(data[:-8] if harm == "shorter" else data + b"x")
    with pytest.raises(IntegrityError, match=r"shards/[0-9a-f]{64}\.arrow"):
        rows(config)


def test_a_corrupt_cached_file_is_fetched_anew(config: Config) -> None:
    expected = rows(config)
    cached = list(Path(config.cache).glob("*.arrow"))
    assert cached
    for number, path in enumerate(cached):
        path.write_bytes(b"" if number else b"x" * path.stat().st_size)
    assert rows(config) == expected
    assert all(sha256(path.read_bytes()).hexdigest() == path.stem for path in cached)


def test_cached_shards_need_no_store(config: Config) -> None:
    version = lakemint.open("notes@1", config=config)
    expected = version["train"].to_table()
    for path in stored(config, "shards/*"):
        path.unlink()
    assert lakemint.open("notes@1", config=config)["train"].to_table() == expected
    assert version["train"].to_table() == expected


def test_a_cache_that_cannot_be_written_says_what_to_set(config: Config, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(ConfigError, match="LAKEMINT_CACHE"):
        rows(config)


def replace_manifest(config: Config, change: dict[str, Any]) -> None:
    """Publish version 1 again, as someone with other code would, with fields changed."""
    content = {**json.loads(stored(config, "manifests/*")[0].read_bytes()), **change}
    data = json.dumps(content).encode()
    (stored(config, "manifests/*")[0].parent / f"{sha256(data).hexdigest()}.json").write_bytes(data)
    path = stored(config, "versions/*")[0]
    rewrite(path, manifest=sha256(data).hexdigest())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "lakemint.manifest/3"}, "lakemint.manifest/3.*upgrade"),
        ({"schema": [{"name": "x", "type": "tensor"}]}, "column x: .*'tensor'; upgrade"),
        ({"schema": [{"name": 1, "type": "string"}]}, "malformed"),
        ({"splits": {"train": {}}}, "'shards' is missing"),
        ({"splits": {"train": {"shards": [{"sha256": "../../x", "bytes": 1, "rows": 1}]}}}, "no sha256"),
        ({"splits": {"train": {"shards": [{"sha256": "a" * 64, "bytes": -1, "rows": 1}]}}}, "no count"),
        ({"splits": {"train": {"shards": [{"sha256": "a" * 64, "bytes": True, "rows": 1}]}}}, "no count"),
        ({"splits": []}, "malformed"),
        ({"splits": {"train": {"shards": [{"sha256": "a" * 64, "bytes": 1, "rows": 1}] * 2}}}, "there twice"),
        ({"splits": {"train": {"shards": [SHARD | {"sha256": f"{n:064x}"} for n in (1, 2)]}}}, "no count"),
        ({"schema": [{"name": "\ud800", "type": "string"}]}, "malformed"),
    ],
)
def test_a_manifest_we_cannot_read_says_why(config: Config, change: dict[str, Any], words: str) -> None:
    replace_manifest(config, change)
    with pytest.raises(FormatError, match=words):
        lakemint.open("notes@1", config=config)


def test_a_shard_whose_rows_are_not_the_manifests_is_named(config: Config) -> None:
    splits = json.loads(stored(config, "manifests/*")[0].read_bytes())["splits"]
    splits["train"]["shards"][0]["rows"] += 1
    replace_manifest(config, {"splits": splits})
    with pytest.raises(IntegrityError, match=r"shards/[0-9a-f]{64}\S*: \d+ rows, the manifest says \d+"):
        rows(config)


def test_a_record_at_anothers_place_or_changed_is_refused(config: Config) -> None:
    (path,) = stored(config, "versions/*")
    good = path.read_bytes()
    path.with_name("00000002.json").write_bytes(good)
    with pytest.raises(IntegrityError, match=r"00000002\.json: by its own words it is of version 1; restore"):
        lakemint.open("notes@2", config=config)
    path.write_bytes(good.replace(b'"2026-', b'"2025-'))
    with pytest.raises(IntegrityError, match=r"00000001\.json: changed since it was written"):
        lakemint.open("notes@1", config=config)
    rewrite(path, dataset="other")
    with pytest.raises(IntegrityError, match="by its own words it is of dataset 'other'"):
        lakemint.open("notes@1", config=config)
    rewrite(path, dataset="notes")
    replace_manifest(config, {"dataset": "other"})
    with pytest.raises(IntegrityError, match=r"manifests/.*: by its own words it is of dataset 'other'"):
        lakemint.open("notes@1", config=config)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"[" * 10_000, b'{"format": "lakemint.version/9"}', b"\xff"]
)
def test_a_record_we_cannot_read_is_named(config: Config, data: bytes) -> None:
    stored(config, "versions/*")[0].write_bytes(data)
    with pytest.raises(FormatError, match=r"versions/00000001\.json"):
        lakemint.open("notes@1", config=config)


def test_importing_loads_neither_arrow_nor_numpy() -> None:
    code = "import sys, lakemint, lakemint.feed; print({'pyarrow', 'numpy', 'boto3'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("lacking", "trusting", "told"),
    [
        ("cryptography", False, "notes@1"),
        (
            "cryptography",
            True,
            "signatures need the package cryptography: install lakemint[signing], or leave",
        ),
        ("", True, "notes@1"),
    ],
)
def test_a_training_image_checks_signatures_with_cryptography_alone_and_lacks_it_otherwise(
    config: Config, tmp_path: Path, lacking: str, trusting: bool, told: str
) -> None:
    create_keys(tmp_path / "key.pem")
    digest = lakemint.open("notes@1", config=config).digest
    sign(open_store(config), Lake(config.lake), "notes", digest, read_private_key(tmp_path / "key.pem"))
    trusted = {"LAKEMINT_TRUSTED_KEYS": str(public_path(tmp_path / "key.pem"))} if trusting else {}
    code = (
        "import sys; sys.modules.update(dict.fromkeys(sys.argv[1:])); import lakemint\n"
        "try: print(lakemint.open('notes@1').name)\n"
        "except lakemint.errors.ConfigError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "pydantic", "rfc8785", "yaml", "rich", "typer", *lacking.split()],
        env={**os.environ, "LAKEMINT_LAKE": config.lake, **trusted},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(told)


def test_the_public_names_are_there() -> None:
    for name in lakemint.__all__:
        assert getattr(lakemint, name) is not None
    assert lakemint.__version__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lakemint.nothing
