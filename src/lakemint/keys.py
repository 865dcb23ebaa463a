"""Ed25519 keys (RFC 8032) in PEM files, as OpenSSL makes and reads them (RFC 8410).

A private key is PKCS #8, not encrypted, in a file that nobody else can read; a public key is
SubjectPublicKeyInfo. `cryptography` is imported when a key is used: who trusts no keys needs none of it.
"""

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from lakemint.errors import ConfigError
from lakemint.files import create_file

_LONGEST: Final = 64 * 1024
"""Bytes of a file of keys, at most."""
_PUBLIC: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----")


@dataclass(frozen=True)
class PublicKey:
    """What a signature is checked by."""

    raw: bytes
    """32 bytes."""

    @property
    def id(self) -> str:
        """Hex sha256 of the raw key."""
        return sha256(self.raw).hexdigest()

    @property
    def pem(self) -> str:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        key = Ed25519PublicKey.from_public_bytes(self.raw)
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        return key.public_bytes(serialization.Encoding.PEM, kind).decode()

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's, of this very message."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class PrivateKey:
    """What signs."""

    raw: bytes = field(repr=False)
    """32 bytes."""

    @property
    def public(self) -> PublicKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return PublicKey(Ed25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw())

    @property
    def pem(self) -> str:
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.from_private_bytes(self.raw)
        return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()

    def sign(self, message: bytes) -> bytes:
        """64 bytes, always the same ones for the same message."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.raw).sign(message)


def public_path(path: Path) -> Path:
    """Where `create_keys` puts the public key: beside `release.pem`, in `release.pub.pem`."""
    return path.with_name(f"{path.name.removesuffix('.pem')}.pub.pem")


def create_keys(path: Path) -> PublicKey:
    """A new private key in the file `path`, and its public key beside it; nothing is ever overwritten.

    Raises ConfigError when one of the files is there already, or cannot be written.
    """
    _need_cryptography()
    key, beside = PrivateKey(os.urandom(32)), public_path(path)
    public = key.public
    try:
        if path.exists() or path.is_symlink():
            raise FileExistsError(path)
        create_file(beside, public.pem, 0o644)
        try:
            create_file(path, key.pem, 0o600)
        except BaseException:
            beside.unlink()
            raise
    except FileExistsError as error:
        raise ConfigError(
            f"{path} or {beside} is there already, and no key is overwritten: choose another name"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: the key cannot be written ({error.strerror})") from error
    return public


def read_private_key(path: Path) -> PrivateKey:
    """The key in that file; raises ConfigError when others can read it or it holds no such key."""
    _need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _read(path, private=True)
    with suppress(TypeError, ValueError, UnsupportedAlgorithm):  # TypeError: it is encrypted
        key = load_pem_private_key(data, password=None)
        if isinstance(key, Ed25519PrivateKey):
            return PrivateKey(key.private_bytes_raw())
    raise ConfigError(
        f"{path}: no Ed25519 private key in PEM (PKCS #8), or one that is encrypted; "
        "`lakemint keys create` makes one"
    )


def read_public_keys(place: Path) -> list[PublicKey]:
    """The keys in a file, or in every `*.pem` of a folder: one at least.

    Raises ConfigError when there is none, or anything in PEM that is no Ed25519 public key.
    """
    _need_cryptography()
    files = sorted(place.glob("*.pem")) if place.is_dir() else [place]
    found = [key for file in files for key in _public_keys(file)]
    if not found:
        raise ConfigError(f"{place}: no public key, in a folder in *.pem; `lakemint keys create` makes one")
    return list(dict.fromkeys(found))


def _public_keys(file: Path) -> list[PublicKey]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = _read(file)
    found = []
    with suppress(ValueError, UnsupportedAlgorithm):
        found = [load_pem_public_key(block) for block in _PUBLIC.findall(data)]
    keys = [PublicKey(key.public_bytes_raw()) for key in found if isinstance(key, Ed25519PublicKey)]
    if not keys or len(keys) != data.count(b"-----BEGIN"):
        raise ConfigError(
            f"{file}: expected Ed25519 public keys in PEM and nothing else; of a private key, "
            f"`openssl pkey -in <file> -pubout` prints the public one"
        )
    return keys


def _read(path: Path, *, private: bool = False) -> bytes:
    """A file's bytes; raises ConfigError for what is no file, too long, or private and open to others."""
    try:
        # Without waiting for who would write into a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigError(f"{path}: no file; a key is expected there")
            if private and stat.S_IMODE(mode) & 0o077:
                raise ConfigError(
                    f"{path}: others can read this private key: `chmod 600 {path}`, and if they may have, "
                    "make a new one with `lakemint keys create`"
                )
            data = file.read(_LONGEST + 1)
    except OSError as error:
        raise ConfigError(f"{path}: the key cannot be read ({error.strerror})") from error
    if len(data) > _LONGEST:
        raise ConfigError(f"{path}: longer than the {_LONGEST} bytes that keys may have")
    return data


def _need_cryptography() -> None:
    if find_spec("cryptography") is None:
        raise ConfigError(
            "signatures need the package cryptography: install lakemint[signing], or leave trusted_keys "
            "(LAKEMINT_TRUSTED_KEYS) unset"
        )
