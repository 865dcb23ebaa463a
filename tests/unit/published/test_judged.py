"""Nothing is promoted unjudged: what is missing, changed, unreadable or failed is named, and stops."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakemint.config import Config
from lakemint.digest import canonical, sha256
from lakemint.errors import FormatError, GateFailed, IntegrityError, StoreUnavailable, VersionNotFound
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.judged import judged
from lakemint.store import Store, open_store
from tests.unit.small_version import (
    DATASET,
    INPUTS,
    judge,
    publish,
    publish_judged,
    rewrite,
    row,
    settings,
    verdict,
)

ROWS = [row(index) for index in range(3)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return settings(tmp_path)


def ask(config: Config, number: int = 1, store: Store | None = None) -> tuple[str, list[str]]:
    record, verdicts = judged(store or open_store(config), Lake(config.lake), Reference(DATASET, number))
    return record.manifest, verdicts


def stored(config: Config, pattern: str) -> Path:
    (path,) = Path(config.lake.removeprefix("file://")).glob(pattern)
    return path


def publish_with(config: Config, gold: bytes) -> str:
    """A version that binds these bytes, kept where its verdict on gold belongs; that place."""
    key = Lake(config.lake).verdict(DATASET, "gold", INPUTS["gold"], verdict("gold")["suite"])
    open_store(config).put(key, gold)
    publish(config, ROWS, verdicts=sorted([judge(config, "silver"), sha256(gold)]))
    return key


def test_a_version_passes_by_the_verdicts_it_was_published_with(config: Config) -> None:
    record = publish_judged(config, ROWS)
    assert ask(config) == (record.manifest, sorted([judge(config, "gold"), judge(config, "silver")]))


def test_verdicts_by_other_suites_neither_help_nor_harm(config: Config) -> None:
    publish_judged(config, ROWS)
    ours = stored(config, "verdicts/notes/gold/*/*.json")
    ours.with_name(f"{'f' * 64}.json").write_bytes(canonical(verdict("gold", passed=False, suite="f" * 64)))
    ours.with_name("junk").write_bytes(b"\xff")
    ask(config)
    ours.with_name(f"{'e' * 64}.json").write_bytes(canonical(verdict("gold", suite="e" * 64)))
    ours.unlink()
    with pytest.raises(GateFailed, match="not in the lake"):
        ask(config)


def gone(path: Path) -> None:
    path.unlink()


def changed(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"short", b"brief"))


def on_another_version(path: Path) -> None:
    path.parent.rename(path.parent.with_name("0000000009-c9"))


@pytest.mark.parametrize("table", ["gold", "silver"])
@pytest.mark.parametrize("harm", [gone, changed, on_another_version])
def test_a_verdict_that_is_not_there_as_it_was_is_named_with_the_way_out(
    config: Config, table: str, harm: Callable[[Path], None]
) -> None:
    publish_judged(config, ROWS)
    digest = judge(config, table)
    harm(stored(config, f"verdicts/notes/{table}/*/*.json"))
    words = rf"notes@1 cannot .* {digest} .*restore verdicts/notes/ from a copy\).*`lakemint run notes`"
    with pytest.raises(GateFailed, match=words):
        ask(config)


def test_a_failed_verdict_stops_and_names_the_rule(config: Config) -> None:
    key = publish_with(config, canonical(verdict("gold", passed=False)))
    with pytest.raises(GateFailed, match=rf"{key} did not pass: text is short"):
        ask(config)


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        ({"passed": True, "checks": verdict("gold", passed=False)["checks"]}, "did not pass"),
        ({"passed": False}, "did not pass"),
        ({"subject": {"table": "gold", "version": 9, "commit": "c1"}}, "is not about what its place says"),
        ({"subject": {"table": "gold", "version": 1, "commit": "c2"}}, "is not about what its place says"),
        ({"subject": {"table": "silver", "version": 2, "commit": "c2"}}, "is not about what its place says"),
        ({"dataset": "others"}, "is not about what its place says"),
        ({"dataset": "../others"}, "is not about what its place says"),
        ({"suite": "f" * 64}, "is not about what its place says"),
        ({"format": "lakemint.verdict/2"}, "cannot be read: .*upgrade"),
        ({"passed": 1}, "cannot be read: .*passed"),
        ({"checks": None}, "cannot be read: .*checks"),
    ],
)
def test_a_verdict_that_was_bound_wrongly_lets_nothing_pass(
    config: Config, lie: dict[str, Any], words: str
) -> None:
    publish_with(config, canonical({**verdict("gold"), **lie}))
    with pytest.raises(
        GateFailed, match=f"notes@1 cannot be promoted: .*verdicts/notes/gold/.*{words}|{words}"
    ):
        ask(config)


@pytest.mark.parametrize("data", [b"", b"null", b"[" * 10_000, b"\xff", b'{"passed": true'])
def test_what_is_no_verdict_lets_nothing_pass(config: Config, data: bytes) -> None:
    key = publish_with(config, data)
    with pytest.raises(GateFailed, match=f"cannot be read: {key}"):
        ask(config)


@pytest.mark.parametrize(
    ("bound", "missing"), [([], "silver and gold"), (["gold"], "silver"), (["silver"], "gold")]
)
def test_a_table_without_a_verdict_is_named(config: Config, bound: list[str], missing: str) -> None:
    publish(config, ROWS, verdicts=sorted(judge(config, table) for table in bound))
    with pytest.raises(GateFailed, match=f"published without a verdict on {missing};"):
        ask(config)


def test_a_warning_does_not_stop(config: Config) -> None:
    checks = [{**verdict("gold", passed=False)["checks"][0], "severity": "warning"}]
    publish_with(config, canonical({**verdict("gold"), "checks": checks}))
    ask(config)


def test_a_version_that_is_not_what_was_published_is_named(config: Config) -> None:
    record = publish_judged(config, ROWS)
    with pytest.raises(VersionNotFound, match="notes@2: no such version; there is notes@1"):
        ask(config, 2)
    lake = Path(config.lake.removeprefix("file://"))
    version, manifest = (
        (lake / "published/notes/versions/00000001.json"),
        stored(config, "published/notes/manifests/*"),
    )
    version.with_name("00000002.json").write_bytes(version.read_bytes())
    with pytest.raises(IntegrityError, match=r"00000002\.json: .* it is of notes@1"):
        ask(config, 2)
    manifest.write_bytes(manifest.read_bytes().replace(b'"text"', b'"test"'))
    with pytest.raises(IntegrityError, match=f"{record.manifest}.json: not the bytes"):
        ask(config)
    version.write_bytes(b"{")
    with pytest.raises(FormatError, match=r"00000001\.json"):
        ask(config)


def test_a_manifest_of_another_dataset_lets_nothing_pass(config: Config) -> None:
    store = open_store(config)
    record = publish_judged(config, ROWS)
    content = store.get(f"published/notes/manifests/{record.manifest}.json").replace(b'"notes"', b'"other"')
    store.put(f"published/notes/manifests/{sha256(content)}.json", content)
    rewrite(stored(config, "published/notes/versions/00000001.json"), manifest=sha256(content))
    with pytest.raises(IntegrityError, match="by its own words it is of 'other'"):
        ask(config)


def test_a_store_that_cannot_tell_lets_nothing_pass(config: Config) -> None:
    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(open_store(config), name)

        def list(self, prefix: str) -> Any:
            raise StoreUnavailable(f"{prefix}: away")

    publish_judged(config, ROWS)
    with pytest.raises(StoreUnavailable, match="verdicts/notes/"):
        ask(config, store=Away())  # type: ignore[arg-type]
