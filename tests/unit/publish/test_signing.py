"""Signing as `jobs/publish.py` does it: before the commit, of what it made, and of nothing that it found."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import lakemint
from lakemint.config import Config
from lakemint.errors import ConfigError
from lakemint.job.outcome import Outcome
from lakemint.keys import create_keys, public_path
from lakemint.lake import Lake
from lakemint.publish.keep import keep
from lakemint.publish.manifest import Basis, basis_again
from lakemint.published.card import card
from lakemint.published.records import Manifest
from lakemint.published.version_record import read_version
from lakemint.store import open_store
from tests.support import CHECKOUT
from tests.unit.small_version import DATASET, INPUTS, manifest_and_shards, publish, row, settings, vouch

ROWS = [row(index) for index in range(6)]


class Job:
    """The real job over a local folder; what Spark and the stages before would give it is made here."""

    def __init__(self, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = config
        store = open_store(config)
        vouch(store, store.address)
        self.rows = ROWS
        self.inputs = INPUTS
        self.bases: list[Manifest | None] = []
        """What each version was built on."""
        self.module = _loaded()
        recipe = SimpleNamespace(digest="d" * 64, document={}, publish=SimpleNamespace(buckets=3))
        fakes: dict[str, Any] = {
            "load_config": lambda: replace(self.config, schemas=Path("/nowhere")),
            "load_recipe": lambda *_: recipe,
            "load_contract": lambda *_: SimpleNamespace(digest="c" * 64, document={}, tables=[]),
            "DeltaLog": lambda *_: SimpleNamespace(last=lambda _: SimpleNamespace(note={})),
            "require_current": lambda *_: None,
            "basis_of": lambda *_: self._basis(),
            "Builder": self._builder,
        }
        monkeypatch.setattr(Config, "schemas_folder", lambda _: Path("/nowhere"))
        for name, fake in fakes.items():
            monkeypatch.setattr(self.module, name, fake)

    def run(self) -> Outcome:
        outcome: Outcome = self.module.main(DATASET)
        return outcome

    def _basis(self) -> Basis:
        return basis_again(manifest_and_shards(self.rows, inputs=self.inputs)[0])

    def _builder(self, config: Config, buckets: int) -> Any:
        def build(basis: Basis, labels: object, splits: object, base: Manifest | None) -> Manifest:
            self.bases.append(base)
            manifest, shards = manifest_and_shards(self.rows, inputs=basis.inputs)
            for digest, data in shards.items():
                keep(open_store(config), Lake(config.lake).shard(DATASET, digest), data)
            return manifest.model_copy(update={"base": base.digest if base else None})

        return SimpleNamespace(buckets=buckets, build=build)


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("jobs_publish", CHECKOUT / "jobs" / "publish.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """It signs by a key that its readers trust."""
    create_keys(tmp_path / "key.pem")
    own = {"signing_key": str(tmp_path / "key.pem"), "trusted_keys": str(public_path(tmp_path / "key.pem"))}
    return Job(replace(settings(tmp_path), **own), monkeypatch)  # type: ignore[arg-type]


def unsigned(config: Config) -> Config:
    return replace(config, signing_key="", trusted_keys="")


def signatures(config: Config) -> list[str]:
    return [item.key for item in open_store(config).list(Lake(config.lake).signatures(DATASET))]


def digest_of(config: Config, number: int) -> str:
    return read_version(open_store(config), Lake(config.lake), DATASET, number).manifest


def test_a_version_is_signed_as_it_is_published_and_once(job: Job) -> None:
    first = job.run()
    assert (first.subject, first.changed) == ("notes@1", True)
    assert lakemint.open("notes@1", config=job.config).digest == first.identity
    before = list(open_store(job.config).list("published/"))
    assert job.run() == replace(first, changed=False, counts={})
    assert list(open_store(job.config).list("published/")) == before
    assert len(job.bases) == 1


def test_without_a_key_nothing_is_signed(job: Job) -> None:
    job.config = unsigned(job.config)
    job.run()
    assert signatures(job.config) == []
    assert not job.run().changed


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["sign", "commit"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_signature_and_commit_the_next_run_leaves_a_signed_version(
    job: Job, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    owner: Any = job.module.Signing if step == "sign" else job.module
    work: Callable[..., Any] = getattr(owner, step)

    def killed(*arguments: Any, **named: Any) -> None:
        if when == "after":
            work(*arguments, **named)
        raise Killed

    with monkeypatch.context() as harm, pytest.raises(Killed):
        harm.setattr(owner, step, killed)
        job.run()
    # At no moment is there a version that lacks its signature.
    for name in lakemint.versions(DATASET, config=job.config):
        lakemint.open(name, config=job.config)
    assert job.run().changed is ((step, when) != ("commit", "after"))
    assert lakemint.versions(DATASET, config=job.config) == ["notes@1"]
    assert lakemint.open("notes@1", config=job.config).number == 1
    assert len(signatures(job.config)) == 1
    assert not job.run().changed


def test_an_unsigned_version_is_made_again_and_signed_when_it_comes_out_the_same(job: Job) -> None:
    signing, job.config = job.config, unsigned(job.config)
    job.run()
    job.config = signing
    again = job.run()
    assert (again.subject, again.changed) == ("notes@1", False)
    assert lakemint.open("notes@1", config=signing).digest == again.identity
    where = Path(signing.lake.removeprefix("file://")) / signatures(signing)[0]
    data = where.read_bytes()
    for harm in (where.unlink, lambda: where.write_bytes(b"{}")):
        harm()
        assert not job.run().changed
        assert where.read_bytes() == data
    assert lakemint.versions(DATASET, config=signing) == ["notes@1"]


def test_what_somebody_put_there_is_never_signed(job: Job) -> None:
    """Its manifest says that it is made of the very inputs, but holds other rows."""
    job.run()
    publish(job.config, [*ROWS[1:], row(99)], inputs=INPUTS)
    forged = digest_of(job.config, 2)
    assert job.run().subject == "notes@3"
    assert [card(job.config, DATASET, number)["signatures"] != [] for number in (1, 2, 3)] == [
        True,
        False,
        True,
    ]
    assert digest_of(job.config, 3) == digest_of(job.config, 1) != forged
    assert not job.run().changed


def test_a_version_goes_on_only_from_one_that_the_key_signed(job: Job) -> None:
    lake, store, gold = Lake(job.config.lake), open_store(job.config), INPUTS["gold"]
    commit = {"commitInfo": {"operation": "WRITE", "txnId": gold.commit}}
    store.put(f"{lake.log('gold', DATASET)}{gold.version:020d}.json", json.dumps(commit).encode())
    for number in range(3):
        job.inputs = {**INPUTS, "silver": replace(INPUTS["silver"], version=number)}
        job.run()
    publish(job.config, [row(99)])
    job.inputs = {**INPUTS, "silver": replace(INPUTS["silver"], version=4)}
    assert job.run().subject == "notes@5"
    bases = [base.digest if base else None for base in job.bases]
    assert bases == [None, digest_of(job.config, 1), digest_of(job.config, 2), None]


def test_a_key_that_cannot_be_read_publishes_nothing(job: Job, tmp_path: Path) -> None:
    (tmp_path / "key.pem").chmod(0o644)
    before = list(open_store(job.config).list(""))
    with pytest.raises(ConfigError, match=r"key\.pem: others can read this private key"):
        job.run()
    assert list(open_store(job.config).list("")) == before
