"""Keys and signatures as a user meets them: `lakemint keys …`, `lakemint version sign`, `show`, `verify`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakemint.cli import build
from lakemint.config import Config
from lakemint.digest import sha256
from lakemint.keys import create_keys, public_path, read_private_key
from tests.unit.cli.runs import Run
from tests.unit.small_version import publish_judged, row, settings, write_recipe


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """notes@1, and the keys release.pem and other.pem; no setting names a key."""
    config = settings(tmp_path)
    publish_judged(config, [row(index) for index in range(4)])
    for name in ("release", "other"):
        create_keys(tmp_path / f"{name}.pem")
    monkeypatch.chdir(tmp_path)
    for name, value in (("HOME", str(tmp_path)), ("LAKE", config.lake), ("USER", "ana")):
        monkeypatch.setenv(f"LAKEMINT_{name}", value)
    for name in ("SIGNING_KEY", "TRUSTED_KEYS"):
        monkeypatch.delenv(f"LAKEMINT_{name}", raising=False)
    return config


def key_id(name: str) -> str:
    return read_private_key(Path(name)).public.id


def trust(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("LAKEMINT_TRUSTED_KEYS", str(public_path(Path(name))))


def test_keys_are_made_and_listed(config: Config, tmp_path: Path) -> None:
    def lakemint(*arguments: str) -> list[str]:
        done = CliRunner().invoke(build(), ["keys", *arguments], catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout.splitlines()

    made = lakemint("create", "new.pem")
    assert made == [
        f"key {key_id('new.pem')}",
        "new.pem: private; keep it to yourself, and sign by it: LAKEMINT_SIGNING_KEY",
        "new.pub.pem: public; give it to who opens versions: LAKEMINT_TRUSTED_KEYS",
    ]
    again = json.loads("".join(lakemint("create", "newer.pem", "--json")))
    assert again == {"key": key_id("newer.pem"), "private": "newer.pem", "public": "newer.pub.pem"}
    assert lakemint("list", "new.pub.pem") == [key_id("new.pem")]
    (tmp_path / "keys").mkdir()
    for name in ("new", "newer"):
        Path(f"{name}.pub.pem").rename(tmp_path / "keys" / f"{name}.pem")
    both = [key_id("new.pem"), key_id("newer.pem")]
    assert lakemint("list", "keys") == both
    assert json.loads("".join(lakemint("list", "keys", "--json"))) == both


def test_a_version_is_signed_once_by_the_named_or_the_configured_key(
    config: Config, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, others = key_id("release.pem"), key_id("other.pem")
    assert run("sign", "notes@1", "--key", "other.pem") == (0, f"notes@1: signed by {others}\n", "")
    monkeypatch.setenv("LAKEMINT_SIGNING_KEY", "release.pem")
    status, out, _ = run("sign", "notes@1", "--json")
    told = json.loads(out)
    digest = told.pop("digest")
    assert (status, told) == (0, {"name": "notes@1", "key": ours, "changed": True})
    folder = Path(config.lake.removeprefix("file://")) / "published" / "notes"
    assert sha256((folder / "manifests" / f"{digest}.json").read_bytes()) == digest
    assert {path.stem for path in (folder / "signatures" / digest).iterdir()} == {ours, others}
    assert run("sign", "notes@1") == (0, f"notes@1: was signed already by {ours}\n", "")


def test_what_cannot_be_signed_says_why(config: Config, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: str) -> str:
        status, out, err = run("sign", *arguments)
        assert (status, out, err.count("\n")) == (1, "", 1)
        return err

    assert "no key to sign by: name one with --key, or set LAKEMINT_SIGNING_KEY" in refused("notes@1")
    assert "notes@7: no such version; there is notes@1" in refused("notes@7", "--key", "release.pem")
    assert "release.pub.pem: others can read" in refused("notes@1", "--key", "release.pub.pem")
    Path("release.pem").chmod(0o640)
    assert "`chmod 600 release.pem`" in refused("notes@1", "--key", "release.pem")
    manifest = next((Path(config.lake.removeprefix("file://")) / "published/notes/manifests").iterdir())
    manifest.write_bytes(b"{}")
    assert "not the bytes that were published" in refused("notes@1", "--key", "other.pem")
    assert not (manifest.parent.parent / "signatures").exists()


def test_show_says_who_signed_and_verify_whether_it_is_trusted(
    config: Config, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "signed by" not in run("show", "notes")[1]
    run("sign", "notes@1", "--key", "other.pem")

    def signed() -> list[str]:
        shown = run("show", "notes")[1].splitlines()
        return [" ".join(line.split()) for line in shown if "signed by" in line]

    ours, others = (key_id(name) for name in ("release.pem", "other.pem"))
    assert signed() == [f"signed by {others[:16]}… not a trusted key"]
    assert run("verify", "notes@1")[0] == 0
    trust(monkeypatch, "release.pem")
    assert signed() == [f"signed by {others[:16]}… not a trusted key"]
    status, out, _ = run("verify", "notes@1")
    assert (status, out.count("\n")) == (1, 1)
    assert f"/: it has signatures of {others[:16]}…, none trusted here; have its owner sign it" in out
    status, out, err = run("export", "notes@1", "exported")
    assert (status, out, Path("exported").exists()) == (1, "", False)
    assert err.startswith(f"error: notes@1: it has signatures of {others[:16]}…, none trusted here; ")
    run("sign", "notes@1", "--key", "release.pem")
    assert signed()[0] == f"signed by {ours[:16]}… verified"
    assert json.loads(run("show", "notes", "--json")[1])["signatures"][0] == {"key": ours, "verified": True}
    assert run("verify", "notes@1")[0] == run("export", "notes@1", "exported")[0] == 0
    record = next(Path(config.lake.removeprefix("file://")).glob(f"published/notes/signatures/*/{ours}.json"))
    record.write_bytes(b"{}")
    assert signed()[0] == f"signed by {ours[:16]}… not valid"


def test_a_channel_moves_only_to_what_is_trusted(
    config: Config, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, "release.pem")
    write_recipe(Path("schemas"))
    monkeypatch.setenv("LAKEMINT_SCHEMAS", "schemas")
    promote = ["promote", "notes@1", "--to", "production"]
    refused = CliRunner().invoke(build(), promote)
    assert "notes@1: nobody signed it" in str(refused.exception)
    run("sign", "notes@1", "--key", "release.pem")
    assert CliRunner().invoke(build(), promote).stdout == "moved notes@production: new → notes@1\n"


def test_a_private_key_is_told_nobody(config: Config, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path("release.pem").read_text()
    secret = text.splitlines()[1]
    Path("release.pem").write_text(text.replace("END PRIVATE", "END PRIVATF"))
    Path("release.pem").chmod(0o600)
    monkeypatch.setenv("LAKEMINT_TRUSTED_KEYS", "release.pem")
    told = [*run("sign", "notes@1", "--key", "release.pem"), *run("show", "notes"), *run("verify", "notes@1")]
    assert secret not in "".join(map(str, told))
    assert "release.pem: no Ed25519 private key" in str(told[2])
    assert "release.pem: expected Ed25519 public keys in PEM and nothing else" in str(told[-1])
