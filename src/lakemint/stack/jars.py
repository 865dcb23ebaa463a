"""The JARs that Spark needs beyond its own: pinned in `infra/local/jars.txt`, fetched once, checked always.

Ivy, which Spark carries, fetches them from Maven Central, or from the mirror in the setting `maven_mirror`.
"""

import fcntl
import hashlib
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from lakemint.config import load_config
from lakemint.errors import StackError
from lakemint.stack.java import find_java, trust_options
from lakemint.stack.layout import Stack, spark_home
from lakemint.stack.report import Report

STEP = "JARs"


@dataclass(frozen=True)
class Jar:
    """One pinned JAR: `group:artifact:version`, its size in bytes, its SHA-256."""

    coordinate: str
    size: int
    sha256: str

    @property
    def file(self) -> str:
        group, artifact, version = self.coordinate.split(":")
        return f"{group}.{artifact}-{version}.jar"

    def fits(self, path: Path) -> bool:
        """Whether the file is this very JAR."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def pinned_jars(stack: Stack) -> list[Jar]:
    """The list in the checkout; raises StackError when it cannot be read."""
    path = stack.checkout / "infra" / "local" / "jars.txt"
    try:
        rows = [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")]
        return [Jar(coordinate, int(size), sha256) for coordinate, size, sha256 in rows]
    except (OSError, ValueError) as error:
        raise StackError(f"{path}: not a list of JARs ({error}); restore it from the repository") from error


def missing_jars(stack: Stack) -> list[Jar]:
    """Those that are not there, or not what they should be."""
    return [jar for jar in pinned_jars(stack) if not jar.fits(stack.jars / jar.file)]


def fetch_jars(stack: Stack, report: Report) -> None:
    """Bring in what is missing or corrupt, and put away what is not on the list. Raises StackError."""
    stack.jars.mkdir(parents=True, exist_ok=True)
    with (stack.jars / ".lock").open("w") as lock:  # another instance shares the folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = {jar.file for jar in pinned_jars(stack)}
        for path in stack.jars.glob("*.jar"):  # Spark would load whatever lies here
            if path.name not in wanted:
                path.unlink()
        if missing := missing_jars(stack):
            report.begin(STEP)
            corrupt = [jar.file for jar in missing if (stack.jars / jar.file).exists()]
            _fetch(stack, missing, report)
            size = f"{len(missing)} fetched, {sum(jar.size for jar in missing) / 1e6:.1f} MB"
            report.end(STEP, size + (f"; corrupt and replaced: {', '.join(corrupt)}" if corrupt else ""))


def _fetch(stack: Stack, jars: Sequence[Jar], report: Report) -> None:
    folder = stack.installation / "cache" / "ivy"
    # Ivy goes on with the whole files that an interrupted run left in its cache.
    shutil.rmtree(folder / "out", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    mirror = load_config().maven_mirror
    (folder / "settings.xml").write_text(_settings(folder, mirror))
    (folder / "ivy.xml").write_text(_module(jars))
    output = _run_ivy(stack, folder, sum(jar.size for jar in jars), report)
    source = mirror or "Maven Central"
    absent = [jar for jar in jars if not (folder / "out" / jar.file).is_file()]
    if absent:
        raise StackError(
            f"{len(absent)} JARs could not be fetched from {source}: {_reason(output)}; "
            "is the network there? LAKEMINT_MAVEN_MIRROR=https://… names a mirror"
        )
    if wrong := [jar for jar in jars if not jar.fits(folder / "out" / jar.file)]:
        shutil.rmtree(folder)
        raise StackError(
            f"{wrong[0].coordinate} from {source} is not what infra/local/jars.txt says (SHA-256 or size): "
            "nothing was installed; try again, or name another source by LAKEMINT_MAVEN_MIRROR=https://…"
        )
    for jar in jars:
        (folder / "out" / jar.file).replace(stack.jars / jar.file)
    shutil.rmtree(folder)


def _run_ivy(stack: Stack, folder: Path, size: int, report: Report) -> str:
    """What Ivy said. Its exit status says little: the files tell."""
    ivy = next((spark_home() / "jars").glob("ivy-*.jar"))
    command = [
        *(str(find_java(stack).program), *trust_options(stack), "-Xmx128m", "-jar", str(ivy)),
        *("-settings", str(folder / "settings.xml"), "-ivy", str(folder / "ivy.xml")),
        *("-retrieve", str(folder / "out" / "[organisation].[artifact]-[revision].[ext]")),
    ]
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                report.advance(STEP, min(_size(folder / "cache"), size), size)
                time.sleep(0.2)
        finally:
            process.kill()
            process.wait()
    return log.read_text(errors="replace")


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*.jar*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # Ivy renamed it meanwhile
            continue
    return total


def _reason(output: str) -> str:
    signs = ("Server access error", "error", "not found", "ERROR")
    lines = [line.strip(" \t:") for line in output.splitlines()]
    return next((line for sign in signs for line in lines if sign in line), "no reason given")[:300]


def _settings(folder: Path, mirror: str) -> str:
    root = f" root={quoteattr(mirror)}" if mirror else ""
    return f"""<ivysettings>
  <property name="ivy.checksums" value=""/>
  <settings defaultResolver="central"/>
  <caches defaultCacheDir={quoteattr(str(folder / "cache"))}/>
  <timeout-constraints>
    <timeout-constraint name="net" connectionTimeout="15000" readTimeout="60000"/>
  </timeout-constraints>
  <resolvers>
    <ibiblio name="central"{root} m2compatible="true"
             usepoms="false" useMavenMetadata="false" timeoutConstraint="net"/>
  </resolvers>
</ivysettings>
"""


def _module(jars: Sequence[Jar]) -> str:
    lines = []
    for jar in jars:
        group, artifact, version = (quoteattr(part) for part in jar.coordinate.split(":"))
        lines.append(f'<dependency org={group} name={artifact} rev={version} transitive="false"/>')
    body = "\n    ".join(lines)
    return f"""<ivy-module version="2.0">
  <info organisation="lakemint" module="jars"/>
  <dependencies>
    {body}
  </dependencies>
</ivy-module>
"""
