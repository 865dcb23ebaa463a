"""Keys: made once, closed to others, as OpenSSL makes and reads them; all else is refused with words."""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakemint import keys
from lakemint.errors import ConfigError
from lakemint.files import create_file
from lakemint.keys import PrivateKey, PublicKey, create_keys, read_private_key, read_public_keys

SEED, PUBLIC, SIGNED = (
    bytes.fromhex(text)
    for text in (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    )
)
"""RFC 8032, 7.1, test 2: the message is the byte 0x72."""


def private_pem(key: object = None, password: bytes | None = None) -> bytes:
    made: Ed25519PrivateKey = key or Ed25519PrivateKey.generate()  # type: ignore[assignment]
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def public_pem(key: object = None) -> bytes:
    made: Ed25519PrivateKey = key or Ed25519PrivateKey.generate()  # type: ignore[assignment]
    return made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def stored(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    path = folder / "key.pem"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_signing_is_that_of_the_standard() -> None:
    key = PrivateKey(SEED)
    assert (key.public.raw, key.sign(b"\x72")) == (PUBLIC, SIGNED)
    assert key.public.id == "39f713d0a644253f04529421b9f51b9b08979d08295959c4f3990ee617f5139f"
    assert key.public.has_signed(b"\x72", SIGNED)
    assert SEED.hex() not in repr(key) and str(SEED) not in repr(key)


def test_new_keys_are_a_pair_and_only_the_public_one_is_open(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    public = create_keys(path)
    assert {item.name for item in tmp_path.iterdir()} == {"release.pem", "release.pub.pem"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "release.pub.pem").stat().st_mode) == 0o644
    assert read_private_key(path).public == public
    assert read_public_keys(tmp_path / "release.pub.pem") == [public]
    assert create_keys(tmp_path / "other") != public
    assert (tmp_path / "other.pub.pem").is_file()


@pytest.mark.parametrize("there", ["release.pem", "release.pub.pem"])
def test_no_key_is_ever_overwritten(tmp_path: Path, there: str) -> None:
    for link in (False, True):
        if link:
            (tmp_path / there).symlink_to("nowhere")
        else:
            (tmp_path / there).write_text("mine")
        with pytest.raises(ConfigError, match=r"is there already, and no key is overwritten"):
            create_keys(tmp_path / "release.pem")
        assert [item.name for item in tmp_path.iterdir()] == [there]
        (tmp_path / there).unlink()


def test_a_private_key_that_cannot_be_written_leaves_no_public_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, text: str, mode: int) -> None:
        if mode == 0o600:
            raise OSError(28, "No space left on device")
        create_file(path, text, mode)

    monkeypatch.setattr(keys, "create_file", fail)
    with pytest.raises(ConfigError, match=r"release.pem: the key cannot be written \(No space left"):
        create_keys(tmp_path / "release.pem")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match="cannot be written"):
        create_keys(tmp_path / "no" / "folder.pem")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604, 0o601])
def test_a_private_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = stored(tmp_path, private_pem(), mode)
    with pytest.raises(ConfigError, match=f"{path}: others can read this private key: `chmod 600 {path}`"):
        read_private_key(path)
    path.chmod(0o400)
    assert read_private_key(path).public.raw


ODD: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"not a key",
    "bytes": lambda: bytes(range(256)),
    "an empty frame": lambda: b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
    "RSA": lambda: private_pem(rsa.generate_private_key(65537, 2048)),
    "P-256": lambda: private_pem(ec.generate_private_key(ec.SECP256R1())),
    "X25519": lambda: private_pem(x25519.X25519PrivateKey.generate()),
    "Ed448": lambda: private_pem(ed448.Ed448PrivateKey.generate()),
    "encrypted": lambda: private_pem(password=b"secret"),
    "cut short": lambda: private_pem()[:80],
}


@pytest.mark.parametrize("what", [*ODD, "public"])
def test_what_is_no_private_key_of_ours_is_refused(tmp_path: Path, what: str) -> None:
    path = stored(tmp_path, public_pem() if what == "public" else ODD[what]())
    with pytest.raises(ConfigError, match=f"{path}: no Ed25519 private key in PEM .*`lakemint keys create`"):
        read_private_key(path)


ODD_PUBLIC: dict[str, Callable[[], bytes]] = {
    **ODD,
    "private": private_pem,
    "public and private": lambda: public_pem() + private_pem(),
    "public RSA": lambda: public_pem(rsa.generate_private_key(65537, 2048)),
    "one of two is RSA": lambda: public_pem() + public_pem(rsa.generate_private_key(65537, 2048)),
    "the second is cut short": lambda: public_pem() + public_pem()[:50],
    "not base64": lambda: b"-----BEGIN PUBLIC KEY-----\n!!!\n-----END PUBLIC KEY-----\n",
    "not DER": lambda: b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
}


@pytest.mark.parametrize("what", ODD_PUBLIC)
def test_what_is_not_only_public_keys_of_ours_is_refused(tmp_path: Path, what: str) -> None:
    path = stored(tmp_path, ODD_PUBLIC[what]())
    for place in (path, tmp_path):
        with pytest.raises(
            ConfigError, match=f"{path}: expected Ed25519 public keys in PEM and nothing else"
        ):
            read_public_keys(place)


def test_what_is_no_file_of_keys_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").write_bytes(public_pem() * 1000)
    (tmp_path / "huge").chmod(0o600)
    for name, words in (
        ("none", r"none: the key cannot be read \(No such file"),
        ("pipe", "pipe: no file; a key is expected there"),
        ("huge", "huge: longer than the 65536 bytes"),
    ):
        for read in (read_private_key, read_public_keys):
            with pytest.raises(ConfigError, match=words):
                read(tmp_path / name)
    with pytest.raises(ConfigError, match=r"folder: the key cannot be read \(Is a directory"):
        read_private_key(tmp_path / "folder")
    with pytest.raises(ConfigError, match=r"folder: no public key, in a folder in \*\.pem"):
        read_public_keys(tmp_path / "folder")


def test_a_file_may_hold_several_keys_and_a_folder_several_files(tmp_path: Path) -> None:
    made = [Ed25519PrivateKey.generate() for _ in range(3)]
    known = [PublicKey(key.public_key().public_bytes_raw()) for key in made]
    (tmp_path / "a.pem").write_bytes(b"ana\n" + public_pem(made[0]) + b"\nben\n" + public_pem(made[1]))
    (tmp_path / "b.pem").write_bytes(public_pem(made[2]).replace(b"\n", b"\r\n") + public_pem(made[0]))
    (tmp_path / "README").write_text("-----BEGIN nothing")
    assert read_public_keys(tmp_path / "a.pem") == known[:2]
    assert read_public_keys(tmp_path) == known


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(0, 200), st.integers(0, 200))
def test_no_bytes_whatever_are_more_than_an_error(
    tmp_path: Path, junk: bytes, begin: int, length: int
) -> None:
    for pem, read in ((private_pem(), read_private_key), (public_pem(), read_public_keys)):
        for data in (junk, pem[:begin] + junk + pem[begin + length :]):
            try:
                read(stored(tmp_path, data))
            except ConfigError as error:
                assert "PEM" in str(error)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_openssl_makes_and_reads_such_keys(tmp_path: Path) -> None:
    def openssl(*arguments: str) -> str:
        done = subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, check=True)
        return done.stdout.decode()

    openssl("genpkey", "-algorithm", "ed25519", "-out", "theirs.pem")
    (tmp_path / "theirs.pem").chmod(0o600)
    openssl("pkey", "-in", "theirs.pem", "-pubout", "-out", "theirs.pub.pem")
    theirs = read_private_key(tmp_path / "theirs.pem")
    assert read_public_keys(tmp_path / "theirs.pub.pem") == [theirs.public]
    create_keys(tmp_path / "ours.pem")
    assert openssl("pkey", "-in", "ours.pem", "-pubout") == (tmp_path / "ours.pub.pem").read_text()


def test_without_the_package_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "find_spec", lambda name: None)
    for call in (create_keys, read_private_key, read_public_keys):
        with pytest.raises(ConfigError, match=r"need the package cryptography: install lakemint\[signing\]"):
            call(tmp_path / "key.pem")
    assert list(tmp_path.iterdir()) == []
