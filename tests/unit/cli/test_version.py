"""`lakemint version verify` and `diff` as a user meets them."""

import json
from pathlib import Path

import pytest

from lakemint.config import Config
from lakemint.digest import digest_of
from lakemint.lake import Lake
from lakemint.publish.keep import keep_document
from lakemint.published.records import LabelSummary
from lakemint.store import open_store
from tests.unit.cli.runs import Run
from tests.unit.small_version import COLUMNS, publish, row, settings

ROWS = [row(index, "test" if index % 5 == 0 else "train") for index in range(40)]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    config = settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKEMINT_LAKE", config.lake)
    publish(config, ROWS, changed={"labels": LabelSummary(alpha=0.61)})
    return config


def shards(config: Config) -> list[Path]:
    return sorted(Path(config.lake.removeprefix("file://")).glob("published/notes/shards/*"))


def test_a_sound_version_is_one_line(config: Config, run: Run) -> None:
    status, out, err = run("verify", "notes@1")
    size = sum(path.stat().st_size for path in shards(config)) / 1000
    assert (status, out, err) == (0, f"notes@1: sound, 6 shards, {size:.1f} kB, 40 rows\n", "")
    assert not Path(config.cache).exists()


def test_each_problem_is_one_line_and_the_exit_status_is_1(config: Config, run: Run) -> None:
    first, second, *_ = shards(config)
    first.unlink()
    second.write_bytes(b"x" * second.stat().st_size)
    status, out, err = run("verify", "notes@1")
    assert (status, err) == (1, "")
    told = dict(line.removeprefix("published/notes/shards/").split(": ", 1) for line in out.splitlines())
    assert told == {
        first.name: "the shard is gone; restore it from a copy",
        second.name: "not the bytes that were published; restore the object from a copy",
    }
    assert out.count("\n") == 2


def test_verify_for_programs(config: Config, run: Run) -> None:
    status, out, _ = run("verify", "notes@1", "--json")
    told = json.loads(out)
    assert (status, told["name"], told["sound"], told["problems"]) == (0, "notes@1", True, [])
    assert (told["shards"], told["rows"]) == (6, 40)
    gone = shards(config)[0]
    gone.unlink()
    status, out, _ = run("verify", "notes@1", "--json")
    told = json.loads(out)
    assert (status, told["sound"]) == (1, False)
    what = "the shard is gone; restore it from a copy"
    assert told["problems"] == [{"key": f"published/notes/shards/{gone.name}", "what": what}]


def test_what_is_not_there_or_no_version_is_an_error(config: Config, run: Run) -> None:
    assert run("verify", "notes@7")[::2] == (1, "error: notes@7: no such version; there is notes@1\n")
    assert run("verify", "notes")[0] == 1
    status, out, err = run("diff", "notes@1", "digits@1")
    assert (status, out) == (1, "")
    assert "notes@1 and digits@1 are versions of two datasets" in err


def test_the_list_of_a_dataset_that_is_nowhere_is_an_error(config: Config, run: Run, tmp_path: Path) -> None:
    (tmp_path / "schemas" / "mail").mkdir(parents=True)
    (tmp_path / "schemas" / "mail" / "contract.yaml").touch()
    status, out, _ = run("list", "mail")
    assert (status, out) == (0, "mail has no published version yet; `lakemint run mail` makes one\n")
    status, out, err = run("list", "mial")
    assert (status, out) == (1, "")
    assert "nothing is published as 'mial', and schemas/ has no such dataset; there are mail" in err


def test_a_difference_is_a_few_lines(config: Config, run: Run) -> None:
    changed = [{**ROWS[0], "label": "b"}, {**ROWS[1], "split": "test"}, *ROWS[3:], row(60), row(61)]
    made = {"labels": LabelSummary(alpha=0.63), "recipe": "f" * 64, "code": "c" * 64}
    publish(config, changed, changed=made)
    status, out, _ = run("diff", "notes@1", "notes@2")
    lines = out.splitlines()
    assert (status, lines[0]) == (0, "notes@1 → notes@2   40 → 41 rows")
    assert lines[1].startswith("rows    +2  −1  relabeled 1  moved 1  changed 0   shards touched 5 of 6 (")  # noqa: RUF001
    assert lines[2] == "labels  a 50.0% → 46.3%, b 50.0% → 53.7%   agreement α 0.61 → 0.63"  # noqa: RUF001
    assert lines[3].startswith("splits  train 80.0% → 78.0%, test 20.0% → 22.0%")
    assert lines[4] == "schema  unchanged   contract unchanged   recipe changed   lakemint 0.1.0, other code"
    assert len(lines) == 5
    # With the recipes at hand, the fields that changed are named.
    was, now = {"split": {"train": 0.8}}, {"split": {"train": 0.7}, "near": None}
    for document in (was, now):
        keep_document(open_store(config), Lake(config.lake), "notes", document)
    for number, document in ((3, was), (4, now)):
        publish(config, changed, changed={"recipe": digest_of(document), "lakemint": str(number)})
    told = run("diff", "notes@3", "notes@4")[1].splitlines()[-1]
    assert "recipe split.train 0.8 → 0.7, near null → null" in told


def test_a_changed_schema_is_said_and_hostile_names_are_only_text(config: Config, run: Run) -> None:
    columns = (*COLUMNS[:1], ("stars", "int32"), ("[red]\x1b]0;x\x07", "string"))
    publish(config, [{**one, columns[2][0]: "x"} for one in ROWS], columns)
    _, out, _ = run("diff", "notes@1", "notes@2")
    assert "\x1b" not in out
    assert "schema  added [red]" in out
    assert "; removed text string, label string; retyped stars int64 → int32   contract" in out
    assert "agreement α 0.61 → unknown" in out  # noqa: RUF001


def test_many_labels_are_cut_with_a_count(config: Config, run: Run) -> None:
    publish(config, [row(index, label=f"label{index}") for index in range(12)])
    _, out, _ = run("diff", "notes@1", "notes@2")
    assert "labels  a 50.0% → 0.0%, b 50.0% → 0.0%, label0 0.0% → 8.3%" in out
    assert "… 8 more" in out


def test_the_same_version_is_said_to_be_the_same(config: Config, run: Run) -> None:
    status, out, _ = run("diff", "notes@1", "notes@1")
    assert status == 0
    first, second, *_ = out.splitlines()
    assert first == "notes@1 twice: one and the same version"
    assert second.startswith("rows    +0  −0  relabeled 0  moved 0  changed 0   shards touched 0 of 6 (0 B ")  # noqa: RUF001
    publish(config, ROWS[1:])
    publish(config, ROWS, changed={"labels": LabelSummary(alpha=0.61)})
    assert "the same content, manifest " in run("diff", "notes@1", "notes@3")[1]


def test_diff_for_programs_names_samples(config: Config, run: Run) -> None:
    publish(config, ROWS[1:])
    status, out, _ = run("diff", "notes@1", "notes@2", "--json")
    told = json.loads(out)
    assert status == 0
    assert told["rows"] == {"added": 0, "removed": 1, "relabeled": 0, "moved": 0, "changed": 0}
    assert told["examples"]["removed"] == [ROWS[0]["sample_id"]]
    assert {"before", "after", "shards", "labels", "splits", "alpha", "schema", "recipe"} <= told.keys()
