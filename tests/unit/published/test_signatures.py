"""Signatures: what is signed is bound to one dataset's one manifest, and nothing else passes for it."""

import base64
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lakemint
from lakemint import keys
from lakemint.config import Config
from lakemint.datacard.compose import compose
from lakemint.datacard.facts import card_facts, measured
from lakemint.datacard.markdown import markdown
from lakemint.digest import canonical
from lakemint.errors import ConfigError, LakemintError, SignatureError, StoreUnavailable
from lakemint.export.run import export
from lakemint.keys import PrivateKey, PublicKey, create_keys, public_path, read_private_key
from lakemint.lake import Lake
from lakemint.names import Channel, Reference
from lakemint.published import channels
from lakemint.published.card import card
from lakemint.published.channels import Order
from lakemint.published.difference import difference
from lakemint.published.garbage import collect_garbage, find_garbage
from lakemint.published.opened import open_published
from lakemint.published.signatures import Signer, message, sign, signed_by, signers
from lakemint.published.verify import Problem, verify
from lakemint.store import Store, open_store
from tests.model.memory import MemoryStore
from tests.unit.small_version import DATASET, WHEN, publish, publish_judged, rewrite, row
from tests.unit.small_version import settings as lake_settings

KEY, OTHER = PrivateKey(b"k" * 32), PrivateKey(b"o" * 32)
DIGEST = "a1" * 32
ROWS = [row(index) for index in range(6)]
FIRST = Reference(DATASET, 1)
Bits = st.integers(0, 10**6)


def flipped(data: bytes, bit: int) -> bytes:
    """The same with one bit of it another; `bit` may be of any size."""
    place, within = divmod(bit % (8 * len(data)), 8)
    return data[:place] + bytes([data[place] ^ (1 << within)]) + data[place + 1 :]


@pytest.fixture
def store() -> Store:
    return MemoryStore({}, lambda: datetime.now(UTC))


LAKE = Lake("s3://any")
SIGNATURE = LAKE.signature(DATASET, DIGEST, KEY.public.id)


def test_what_is_signed_is_encoded_as_documented() -> None:
    body = canonical({"format": "lakemint.signature/1", "dataset": DATASET, "manifest": DIGEST})
    assert message(DATASET, DIGEST) == b"".join(
        [
            b"DSSEv1 39 application/vnd.lakemint.signature+json 129 ",
            b'{"dataset":"notes","format":"lakemint.signature/1","manifest":"' + DIGEST.encode() + b'"}',
        ]
    )
    assert message(DATASET, DIGEST).endswith(b" %d " % len(body) + body)


def test_a_signature_is_one_record_of_documented_form(store: Store) -> None:
    assert sign(store, LAKE, DATASET, DIGEST, KEY)
    assert f"published/notes/signatures/{DIGEST}/{KEY.public.id}.json" == SIGNATURE
    data = store.get(SIGNATURE)
    record = {
        "format": "lakemint.signature/1",
        "dataset": DATASET,
        "manifest": DIGEST,
        "key": KEY.public.id,
        "signature": base64.b64encode(KEY.sign(message(DATASET, DIGEST))).decode(),
    }
    assert data == canonical(record)
    assert [item.key for item in store.list("")] == [SIGNATURE]
    assert signed_by(store, LAKE, DATASET, DIGEST, KEY.public) is True
    assert signed_by(store, LAKE, DATASET, DIGEST, OTHER.public) is None
    # What a later minor revision adds does no harm.
    store.put(SIGNATURE, canonical({**record, "signed_at": WHEN}))
    assert signed_by(store, LAKE, DATASET, DIGEST, KEY.public) is True


def test_signing_again_changes_nothing_and_mends_what_is_broken(store: Store) -> None:
    assert sign(store, LAKE, DATASET, DIGEST, KEY)
    before = store.stat(SIGNATURE)
    assert not sign(store, LAKE, DATASET, DIGEST, KEY)
    assert store.stat(SIGNATURE) == before
    data = store.get(SIGNATURE)
    store.put(SIGNATURE, b"{")
    assert sign(store, LAKE, DATASET, DIGEST, KEY)
    assert store.get(SIGNATURE) == data


@given(st.binary(max_size=100), Bits)
def test_a_signature_with_a_wrong_bit_anywhere_is_none(text: bytes, bit: int) -> None:
    signature = KEY.sign(text)
    assert KEY.public.has_signed(text, signature)
    assert not KEY.public.has_signed(text, flipped(signature, bit))
    assert not PublicKey(flipped(KEY.public.raw, bit)).has_signed(text, signature)
    assert not KEY.public.has_signed(text + b"\0", signature)
    assert not KEY.public.has_signed(text, signature + b"\0")
    assert not KEY.public.has_signed(text, signature[:-1])
    if text:
        assert not KEY.public.has_signed(flipped(text, bit), signature)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=70), st.binary(max_size=20))
def test_any_key_and_signature_are_only_wrong(raw: bytes, signature: bytes, text: bytes) -> None:
    assert not KEY.public.has_signed(text, signature)
    assert not PublicKey(raw).has_signed(text, KEY.sign(text))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(Bits)
def test_a_record_with_a_wrong_bit_anywhere_is_no_signature(store: Store, bit: int) -> None:
    sign(store, LAKE, DATASET, DIGEST, KEY)
    data = store.get(SIGNATURE)
    store.put(SIGNATURE, flipped(data, bit))
    assert signed_by(store, LAKE, DATASET, DIGEST, KEY.public) is False
    store.put(SIGNATURE, data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.from_regex(r"[a-z][a-z0-9_]{1,10}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    st.binary(min_size=32, max_size=32),
)
def test_a_record_at_anothers_place_is_no_signature(
    store: Store, dataset: str, digest: str, seed: bytes
) -> None:
    """Neither as it is, nor when it says that it belongs there."""
    sign(store, LAKE, DATASET, DIGEST, KEY)
    record = json.loads(store.get(SIGNATURE))
    for name, where, key in (
        (dataset, DIGEST, KEY),
        (DATASET, digest, KEY),
        (DATASET, DIGEST, PrivateKey(seed)),
    ):
        if (name, where, key) == (DATASET, DIGEST, KEY):
            continue
        own = {"dataset": name, "manifest": where, "key": key.public.id}
        for moved in (record, {**record, **own}):
            store.put(LAKE.signature(name, where, key.public.id), canonical(moved))
            assert signed_by(store, LAKE, name, where, key.public) is False


def spare(text: str) -> str:
    """The same bytes in base64, with another last digit."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = f"{text[:85]}{digits[digits.index(text[85]) + 1]}=="
    assert base64.b64decode(other) == base64.b64decode(text)
    return other


HOSTILE: dict[str, Callable[[dict[str, str]], bytes]] = {
    "nothing": lambda record: b"",
    "no JSON": lambda record: b"{",
    "deep": lambda record: b"[" * 10_000,
    "no object": lambda record: b"[]",
    "a text": lambda record: b'"x"',
    "no field": lambda record: b"{}",
    "no UTF-8": lambda record: b"\xff\xfe",
    "another format": lambda record: canonical({**record, "format": "lakemint.signature/2"}),
    "no signature": lambda record: canonical({k: v for k, v in record.items() if k != "signature"}),
    "a number": lambda record: canonical({**record, "signature": 1}),
    "a list": lambda record: canonical({**record, "signature": [record["signature"]]}),
    "null": lambda record: canonical({**record, "signature": None}),
    "an empty one": lambda record: canonical({**record, "signature": ""}),
    "no base64": lambda record: canonical({**record, "signature": "é" * 88}),
    "base64 with a line end": lambda record: canonical({**record, "signature": record["signature"] + "\n"}),
    "spare bits": lambda record: canonical({**record, "signature": spare(record["signature"])}),
    "too long": lambda record: canonical(record) + b" " * 20_000,
    "huge": lambda record: os.urandom(3_000_000),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_record_of_ours_is_no_signature(store: Store, what: str) -> None:
    sign(store, LAKE, DATASET, DIGEST, KEY)
    store.put(SIGNATURE, HOSTILE[what](json.loads(store.get(SIGNATURE))))
    assert signed_by(store, LAKE, DATASET, DIGEST, KEY.public) is False


def test_while_the_store_is_away_nothing_is_said_of_signatures(store: Store) -> None:
    class Away:
        def open(self, key: str, etag: str | None = None) -> object:
            raise StoreUnavailable(f"{key}: away")

    with pytest.raises(StoreUnavailable, match="away"):
        signed_by(Away(), LAKE, DATASET, DIGEST, KEY.public)  # type: ignore[arg-type]


# A lake with versions, and settings that trust a key.


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """notes@1 and notes@2, which passed and are not signed, and trust in `trusted.pem`."""
    config = lake_settings(tmp_path)
    publish_judged(config, ROWS)
    publish_judged(config, ROWS[1:])
    create_keys(tmp_path / "trusted.pem")
    create_keys(tmp_path / "other.pem")
    return replace(config, trusted_keys=str(public_path(tmp_path / "trusted.pem")))


def sign_version(config: Config, number: int, name: str = "trusted") -> str:
    """Sign by the key of that name; returns the manifest's digest."""
    key = read_private_key(Path(config.trusted_keys).with_name(f"{name}.pem"))
    digest = lakemint.open(f"{DATASET}@{number}", config=replace(config, trusted_keys="")).digest
    sign(open_store(config), Lake(config.lake), DATASET, digest, key)
    return digest


def move(config: Config, act: Callable[..., object], **to: int) -> object:
    order = Order("ana", WHEN, trusted_keys=config.trusted_keys)
    store, lake = open_store(config), Lake(config.lake)
    return act(store, lake, Channel(DATASET, "production"), order=order, **to)


DOORS: dict[str, Callable[[Config], object]] = {
    "lakemint.open": lambda config: lakemint.open("notes@1", config=config),
    "a split": lambda config: lakemint.open("notes@1", "train", config=config),
    "whole": lambda config: open_published(config, FIRST),
    "export": lambda config: export(config, FIRST, "parquet", Path(config.cache) / "exported"),
    "before": lambda config: difference(config, FIRST, Reference(DATASET, 2)),
    "after": lambda config: difference(config, Reference(DATASET, 2), FIRST),
    "promote": lambda config: move(config, channels.promote, number=1),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_opens_only_to_what_a_trusted_key_signed(config: Config, door: str) -> None:
    sign_version(config, 2)
    enter, way_out = DOORS[door], "`lakemint version sign notes@1`"
    with pytest.raises(
        SignatureError, match=f"notes@1: nobody signed it; have its owner sign it \\({way_out}"
    ):
        enter(config)
    digest = sign_version(config, 1, "other")
    with pytest.raises(
        SignatureError, match=r"notes@1: it has signatures of [0-9a-f]{16}…, none trusted here; .*_KEYS"
    ):
        enter(config)
    sign_version(config, 1)
    trusted = keys.read_public_keys(Path(config.trusted_keys))[0].id
    where = Path(config.lake.removeprefix("file://")) / Lake(config.lake).signature(DATASET, digest, trusted)
    data = where.read_bytes()
    where.write_bytes(data[:-1])
    with pytest.raises(SignatureError, match=f"{trusted}.json is no valid signature; restore it .*{way_out}"):
        enter(config)
    where.write_bytes(data)
    enter(config)


def test_verifying_says_that_it_is_not_signed_and_everything_else_too(config: Config) -> None:
    lake, harmed = Lake(config.lake), open_published(replace(config, trusted_keys=""), FIRST)
    shard = lake.shard(DATASET, harmed.manifest.splits["train"].shards[0].sha256)
    open_store(config).delete(shard)
    found = verify(config, FIRST)
    assert [problem.key for problem in found.problems] == [shard, lake.signatures(DATASET, harmed.digest)]
    assert found.problems[1].what.startswith("nobody signed it; have its owner sign it")
    sign_version(config, 1)
    assert [problem.key for problem in verify(config, FIRST).problems] == [shard]
    sign_version(config, 2)
    assert verify(config, Reference(DATASET, 2)).sound
    missing = Problem(shard, "the shard is gone; restore it from a copy")
    assert verify(replace(config, trusted_keys=""), FIRST).problems == [missing]


def test_a_rollback_leads_only_to_what_a_trusted_key_signed(config: Config) -> None:
    anybody = replace(config, trusted_keys="")
    for number in (1, 2):
        move(anybody, channels.promote, number=number)
    with pytest.raises(SignatureError, match="notes@1: nobody signed it"):
        move(config, channels.rollback)
    sign_version(config, 1)
    move(config, channels.rollback)
    assert lakemint.open("notes@production", config=config).name == "notes@1"


def test_without_trusted_keys_every_version_opens(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "find_spec", lambda name: None)
    for door in DOORS.values():
        door(replace(config, trusted_keys=""))
    with pytest.raises(ConfigError, match=r"install lakemint\[signing\]"):
        lakemint.open("notes@1", config=config)


def test_trust_that_cannot_be_read_opens_nothing(config: Config, tmp_path: Path) -> None:
    sign_version(config, 1)
    (tmp_path / "empty").mkdir()
    for place in ("none", "empty", "trusted.pem"):
        with pytest.raises(ConfigError, match=f"{tmp_path / place}: "):
            lakemint.open("notes@1", config=replace(config, trusted_keys=str(tmp_path / place)))


def test_one_of_many_trusted_keys_is_enough_and_a_broken_one_beside_it_does_no_harm(
    config: Config, tmp_path: Path
) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("trusted", "other"):
        public_path(tmp_path / f"{name}.pem").rename(folder / f"{name}.pem")
    several = replace(config, trusted_keys=str(folder))
    with pytest.raises(SignatureError, match="nobody signed it"):
        lakemint.open("notes@1", config=several)
    key = read_private_key(tmp_path / "other.pem")
    store, lake = open_store(config), Lake(config.lake)
    digest = open_published(replace(config, trusted_keys=""), FIRST).digest
    sign(store, lake, DATASET, digest, key)
    assert lakemint.open("notes@1", config=several).digest == digest
    broken = read_private_key(tmp_path / "trusted.pem").public.id
    store.put(lake.signature(DATASET, digest, broken), b"{}")
    assert lakemint.open("notes@1", config=several).digest == digest
    assert {*signers(store, lake, DATASET, digest, str(folder))} == {
        Signer(key.public.id, True),
        Signer(broken, False),
    }


def test_the_card_says_who_signed_and_is_shown_whatever_it_is(config: Config, tmp_path: Path) -> None:
    assert card(config, DATASET, 1)["signatures"] == []
    digest = sign_version(config, 1)
    sign_version(config, 1, "other")
    store, lake = open_store(config), Lake(config.lake)
    store.put(f"{lake.signatures(DATASET, digest)}README.json", b"")
    trusted, other = (read_private_key(tmp_path / f"{n}.pem").public.id for n in ("trusted", "other"))
    assert card(config, DATASET, 1)["signatures"] == [
        {"key": trusted, "verified": True},
        {"key": other, "verified": None},
    ]
    unknown = card(replace(config, trusted_keys=""), DATASET, 1)["signatures"]
    assert unknown == [{"key": name, "verified": None} for name in sorted((trusted, other))]


def test_of_a_flood_of_signatures_the_trusted_one_is_still_found(config: Config) -> None:
    digest = sign_version(config, 1)
    store, lake = open_store(config), Lake(config.lake)
    for number in range(120):
        store.put(lake.signature(DATASET, digest, f"{number:064x}"), b"{}")
    found = card(config, DATASET, 1)["signatures"]
    assert (len(found), found[0]["verified"], found[1]["verified"]) == (101, True, None)
    assert lakemint.open("notes@1", config=config).number == 1


def test_the_data_card_is_drawn_although_the_version_before_is_not_trusted(config: Config) -> None:
    sign_version(config, 2)
    version = open_published(config, Reference(DATASET, 2))
    drawn = markdown(compose(card_facts(config, version, measured(version))))
    assert "notes@1 cannot be compared: notes@1: nobody signed it" in drawn


def test_signatures_live_as_long_as_their_versions(config: Config) -> None:
    digest = sign_version(config, 1)
    store, lake = open_store(config), Lake(config.lake)
    loose = "b" * 64
    sign(store, lake, DATASET, loose, KEY)
    others = [f"{lake.signatures(DATASET, place)}notes.txt" for place in (digest, loose)]
    for key in others:
        store.put(key, b"mine")
    sweep = partial(find_garbage, store, lake, DATASET)
    young = sweep(timedelta(days=7))
    assert (young.objects, young.young) == ([], 1)
    gone = lake.signature(DATASET, loose, KEY.public.id)
    assert [item.key for item in sweep(timedelta(0)).objects] == [gone]
    before = {item.key for item in store.list("")}
    collect_garbage(store, lake, DATASET, timedelta(0))
    assert before - {item.key for item in store.list("")} == {gone}
    assert lakemint.open("notes@1", config=config).digest == digest


def test_signatures_stay_when_a_version_cannot_be_read(config: Config) -> None:
    sign_version(config, 1)
    store, lake = open_store(config), Lake(config.lake)
    store.put(lake.version(DATASET, 1), b"{")
    before = {item.key for item in store.list(lake.signatures(DATASET))}
    with pytest.raises(LakemintError):
        collect_garbage(store, lake, DATASET, timedelta(0))
    assert {item.key for item in store.list(lake.signatures(DATASET))} == before


def test_other_rows_under_a_signed_versions_number_need_a_signature_of_their_own(config: Config) -> None:
    signed = sign_version(config, 1)
    publish(config, [row(7)])
    store, lake = open_store(config), Lake(config.lake)
    forged = json.loads(store.get(lake.version(DATASET, 3)))["manifest"]
    rewrite(Path(config.lake.removeprefix("file://")) / lake.version(DATASET, 1), manifest=forged)
    with pytest.raises(SignatureError, match="notes@1: nobody signed it"):
        lakemint.open("notes@1", config=config)
    for item in list(store.list(lake.signatures(DATASET, signed))):
        record = json.loads(store.get(item.key))
        moved = item.key.replace(signed, forged)
        for said in (record, {**record, "manifest": forged}):
            store.put(moved, canonical(said))
            with pytest.raises(SignatureError, match="is no valid signature"):
                lakemint.open("notes@1", config=config)
