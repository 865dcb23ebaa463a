"""Where the embedded stack keeps what: the installation (shared by a checkout) and one instance (`home`)."""

import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from lakemint.errors import StackError


@dataclass(frozen=True)
class Stack:
    """One instance of the embedded stack: its folders, ports and secrets. Secrets are kept out of `repr`."""

    home: Path
    """Settings, data and logs of this instance."""
    checkout: Path
    """The checkout whose `dags/`, `schemas/` and `.lakemint/` it uses."""
    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    settings: dict[str, str] = field(default_factory=dict)
    """The addresses, as `lakemint.config.Config` reads them."""

    def __post_init__(self) -> None:
        for path in (self.home, self.checkout):
            if broken := set(str(path)) & set("\"'`;#,%:\n\\$"):
                raise StackError(
                    f"{path}: the servers cannot live in a folder whose name has {' '.join(sorted(broken))}; "
                    "move the checkout, or set LAKEMINT_HOME"
                )

    @property
    def installation(self) -> Path:
        """What instances share: tools, JARs, Label Studio's environment."""
        return self.checkout / ".lakemint"

    @property
    def jars(self) -> Path:
        return self.installation / "jars"

    @property
    def label_studio(self) -> Path:
        """Label Studio's own environment."""
        return self.installation / "label-studio-env"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """The supervisor's files and the servers' generated configuration: all secret."""
        return self.home / "run"

    def log(self, program: str) -> Path:
        return self.logs / f"{program}.log"

    def data(self, server: str) -> Path:
        """A server's own folder."""
        return self.home / server

    def make_folders(self) -> None:
        """Create what is missing, closed to others."""
        for folder in (self.home, self.logs, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o700)


def tool(name: str) -> Path:
    """A program of our own environment, such as `weed`."""
    return Path(sys.executable).with_name(name)


def spark_home() -> Path:
    """The Spark that its package carries; raises StackError when it is not installed."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise StackError("pyspark is not installed: run `make setup`")
    return Path(spec.origin).parent
