"""The record of a hand-over: written and read again it is the same; hostile ones are refused with words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lakemint
from lakemint.config import Config
from lakemint.digest import canonical
from lakemint.errors import FormatError, IntegrityError, LakemintError, TrainingError
from lakemint.handover.begin import hand_over
from lakemint.handover.record import MAX_BYTES, Handover, parse_handover
from lakemint.handover.training import Training
from lakemint.names import Reference
from lakemint.store import StoreAddress
from tests.unit.handover.handovers import handover, training
from tests.unit.small_version import publish, row

WORD = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs", "Cf", "Cn", "Co"]), max_size=40
)
TRAININGS = st.builds(
    Training,
    run=st.from_regex(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True),
    program=st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
        min_size=1,
        max_size=5,
    ).map(tuple),
    launcher=WORD,
    nodes=st.integers(1, 4096),
    processes=st.integers(1, 64),
    restarts=st.integers(0, 100),
    splits=st.lists(st.sampled_from(["train", "validation", "test"]), max_size=3).map(tuple),
    checkpoints=WORD,
    credentials=st.lists(st.from_regex(r"[A-Z_]{1,20}", fullmatch=True), max_size=3).map(tuple),
    options=st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True), WORD, max_size=3),
)
HANDOVERS = st.builds(
    Handover,
    training=TRAININGS,
    attempt=st.integers(1, 9999),
    asked=st.sampled_from(["notes@3", "notes@production"]),
    version=st.builds(Reference, st.just("notes"), st.integers(1, 99_999_999)),
    manifest=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    lake=st.builds(
        StoreAddress, st.sampled_from(["s3://lake/a", "file:///lake"]), st.just("https://s3:9000"), WORD, WORD
    ),
    place=WORD,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(HANDOVERS)
def test_written_and_read_again_it_is_the_same(handed: Handover) -> None:
    assert parse_handover(handed.data(), "here") == handed
    assert handed.data() == canonical(handed.content())
    assert len(handed.job) <= 49, "a pod's name has 63 characters, and some are its launcher's"


@given(HANDOVERS, st.sampled_from([*handover().content()]), JSON)
def test_a_record_with_a_hostile_field_is_refused_or_read_as_it_is(
    handed: Handover, name: str, value: Any
) -> None:
    data = json.dumps({**handed.content(), name: value}).encode()
    try:
        found = parse_handover(data, "here")
    except FormatError as error:
        assert str(error).startswith("here: ")
    else:
        assert found.content()[name] == value


@pytest.mark.parametrize("name", [*handover().content()])
def test_a_missing_field_is_named(name: str) -> None:
    content = {key: value for key, value in handover().content().items() if key != name}
    with pytest.raises(FormatError, match=name):
        parse_handover(json.dumps(content).encode(), "here")


@pytest.mark.parametrize("data", [b"", b"[" * 100_000, b"{}", b'"' + b"a" * MAX_BYTES + b'"', b"\xff"])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"^here: "):
        parse_handover(data, "here")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"run": "Exp 7"}, "'Exp 7' is no fit run: use 1 to 40"),
        ({"run": "exp-"}, "no fit run"),
        ({"program": ()}, "no fit program: write `-- python train.py`"),
        ({"program": ("a\0b",)}, "no fit argument"),
        ({"program": ("a" * 4001,)}, "no fit argument: write at most 4000"),
        ({"program": ("a" * 4000,) * 9}, "longer than 32768 bytes: put arguments into a file"),
        ({"nodes": 0}, "'0' is no fit nodes: use 1 to 4096"),
        ({"restarts": -1}, "no fit restarts: use 0 to 100"),
        ({"checkpoints": "a\nb"}, "write one printable line"),
        ({"credentials": ("AWS_SECRET_ACCESS_KEY=x",)}, "no fit name of an environment variable"),
        ({"options": {"--wrap": "x"}}, "no fit option: use a-z"),
        ({"splits": ("../x",)}, "no fit split"),
    ],
)
def test_what_is_not_fit_is_told(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        handover(**changed)


def test_an_address_with_a_login_is_refused() -> None:
    content = {**handover().content(), "s3_endpoint": "https://me:secret@s3"}
    with pytest.raises(FormatError, match="write https://host:port, no login"):
        parse_handover(json.dumps(content).encode(), "here")


def test_where_nothing_was_handed_over_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKEMINT_HANDOVER", raising=False)
    with pytest.raises(TrainingError, match="start it by `lakemint train reviews@3"):
        lakemint.handed_over()


def told(monkeypatch: pytest.MonkeyPatch, handed: Handover, **changed: Any) -> Handover:
    """As the training's own process reads it."""
    monkeypatch.setenv("LAKEMINT_HANDOVER", json.dumps({**handed.content(), **changed}))
    return lakemint.handed_over()


def test_a_training_opens_what_was_handed_over_in_that_very_lake(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = hand_over(config, "notes@1", training("pass", checkpoints="s3://models/exp-7"))
    monkeypatch.setenv("LAKEMINT_LAKE", "file:///nowhere")
    found = told(monkeypatch, handed)
    assert found == handed
    assert (found.checkpoints, found.splits) == ("s3://models/exp-7", ("train",))
    assert len(found.open()["train"]) == 20
    assert found.run().name == "exp-7"
    with pytest.raises(IntegrityError, match=r"was handed over to exp-7: is this the same lake\?"):
        told(monkeypatch, handed, manifest="ab" * 32).open()


def test_a_credential_that_is_not_there_is_named(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    handed = hand_over(config, "notes@1", training("pass", credentials=("THE_KEY", "PATH")))
    monkeypatch.delenv("THE_KEY", raising=False)
    with pytest.raises(TrainingError, match=r"^THE_KEY should be set here to read file://"):
        told(monkeypatch, handed).open()
    monkeypatch.setenv("THE_KEY", "secret")
    assert len(told(monkeypatch, handed).open()["train"]) == 20


def test_another_version_of_the_same_number_is_not_what_was_handed_over(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(config, [row(0)])
    handed = hand_over(config, "notes@2", training("pass"))
    with pytest.raises(LakemintError, match="no such version; there are notes@1, notes@2"):
        told(monkeypatch, handed, version=3, asked="notes@3").open()
