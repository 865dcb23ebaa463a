"""Settings: where they come from, and which do not belong together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lakemint.config import Config, load_config
from lakemint.errors import ConfigError

STACK = {
    "lake": "s3://lakemint",
    "s3_endpoint": "http://127.0.0.1:9000",
    "s3_region": "here",
    "airflow_url": "http://127.0.0.1:8080",
    "label_studio_url": "http://127.0.0.1:8081",
}
SECRETS = {
    "s3_access_key": "access",
    "s3_secret_key": "secret",
    "airflow_user": "admin",
    "airflow_password": "pass",
    "label_studio_token": "token",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack's folder, and an environment that names nothing else."""
    for name in [name for name in os.environ if name.startswith("LAKEMINT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "settings.json").write_text(json.dumps(STACK))
    (tmp_path / "credentials.json").write_text(json.dumps(SECRETS))
    monkeypatch.setenv("LAKEMINT_HOME", str(tmp_path))
    return tmp_path


def test_the_stacks_own_settings_hold(home: Path) -> None:
    config = load_config()
    for name, value in {**STACK, **SECRETS}.items():
        assert getattr(config, name) == value


def test_another_lake_is_not_looked_for_in_the_stacks_store(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEMINT_LAKE", "s3://production/mint")
    config = load_config()
    assert (config.lake, config.s3_endpoint, config.s3_access_key, config.s3_region) == (
        "s3://production/mint", "", "", ""
    )  # fmt: skip
    assert config.airflow_password == "pass"


def test_a_folder_of_the_stacks_bucket_and_a_bucket_at_its_endpoint_are_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEMINT_LAKE", "s3://lakemint/folder")
    assert load_config().s3_secret_key == "secret"
    monkeypatch.setenv("LAKEMINT_LAKE", "s3://other")
    monkeypatch.setenv("LAKEMINT_S3_ENDPOINT", STACK["s3_endpoint"])
    assert load_config().s3_secret_key == "secret"


@pytest.mark.parametrize(
    ("variable", "address", "secret"),
    [
        ("LAKEMINT_S3_ENDPOINT", "http://elsewhere:9000", "s3_secret_key"),
        ("LAKEMINT_AIRFLOW_URL", "https://airflow.example", "airflow_password"),
        ("LAKEMINT_LABEL_STUDIO_URL", "https://labels.example", "label_studio_token"),
    ],
)
def test_a_secret_never_goes_to_another_address(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, address: str, secret: str
) -> None:
    monkeypatch.setenv(variable, address)
    assert getattr(load_config(), secret) == ""
    monkeypatch.setenv(f"LAKEMINT_{secret.upper()}", "its own")
    assert getattr(load_config(), secret) == "its own"


@pytest.mark.parametrize(
    "address", ["airflow:8080", "http://", "ftp://host", "http://host:port", "http://[::1"]
)
def test_what_is_no_address_is_named(address: str) -> None:
    with pytest.raises(ConfigError, match=r"airflow_url .* write http://host:port"):
        Config(airflow_url=address).need("airflow_url")


def test_who_acts_is_the_setting_or_the_login(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ana")
    assert load_config().acting_user() == "ana"
    monkeypatch.setenv("LAKEMINT_USER", "release bot")
    assert load_config().acting_user() == "release bot"


def test_where_nobody_is_known_there_is_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nobody)
    with pytest.raises(ConfigError, match="set LAKEMINT_USER"):
        Config().acting_user()


def test_no_proxy_stands_before_this_machine() -> None:
    code = (
        "import os; from lakemint.config import keep_loopback_direct as keep; keep(); keep();"
        "print(os.environ['no_proxy'], os.environ['NO_PROXY'])"
    )
    environment = {**os.environ, "NO_PROXY": "intranet,localhost"}
    environment.pop("no_proxy", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["intranet,localhost,127.0.0.1"] * 2
