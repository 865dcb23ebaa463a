"""An instance's settings and secrets: made once, kept ever after."""

import base64
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from lakemint.config import CREDENTIALS, SETTINGS, find_checkout
from lakemint.errors import StackError
from lakemint.files import write_json
from lakemint.stack.layout import Stack
from lakemint.stack.ports import choose_ports

BUCKET: Final = "lake"
AIRFLOW_USER: Final = "admin"
LABEL_STUDIO_USER: Final = "admin@lakemint.local"

S3_PORTS: Final = (
    "s3",
    "s3_grpc",
    "s3_master",
    "s3_master_grpc",
    "s3_volume",
    "s3_volume_grpc",
    "s3_filer",
    "s3_filer_grpc",
)
PORTS: Final = (
    *S3_PORTS,
    "spark",
    "airflow",
    "label_studio",
    "supervisor",
)
SECRETS: Final[dict[str, Callable[[], str]]] = {
    "s3_access_key": lambda: secrets.token_hex(10),
    "s3_secret_key": lambda: secrets.token_hex(20),
    "s3_signing_key": lambda: secrets.token_hex(32),
    "spark_token": lambda: secrets.token_hex(32),
    "airflow_password": lambda: secrets.token_urlsafe(12),
    "airflow_secret_key": lambda: secrets.token_hex(32),
    "airflow_jwt_secret": lambda: secrets.token_hex(32),
    "airflow_fernet_key": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "label_studio_password": lambda: secrets.token_urlsafe(12),
    "label_studio_token": lambda: secrets.token_hex(20),
    "annotator_key": lambda: secrets.token_hex(32),
    "supervisor_password": lambda: secrets.token_hex(16),
}


def read_stack(home: Path, checkout: Path | None = None) -> Stack:
    """The instance as its files tell; nothing is written, and ports may be missing.

    Raises StackError when there is neither an instance nor a checkout.
    """
    stored = _read(home / SETTINGS)
    named = stored.get("checkout")
    place = checkout or (Path(named) if named and Path(named).is_dir() else find_checkout())
    if place is None:
        raise StackError(f"no stack in {home}, and no checkout here: run inside a checkout of Lakemint")
    ports = {name: int(port) for name, port in stored.get("ports", {}).items() if name in PORTS}
    credentials = {name: str(value) for name, value in _read(home / CREDENTIALS).items()}
    return Stack(
        home, place, ports, credentials, _addresses(ports, place) if set(ports) == set(PORTS) else {}
    )


def settle(stack: Stack, anew: frozenset[str] = frozenset()) -> Stack:
    """The instance with everything missing chosen and written down; the ports `anew` are chosen again."""
    stack.make_folders()
    ports = {name: port for name, port in stack.ports.items() if name not in anew}
    ports |= choose_ports([name for name in PORTS if name not in ports], taken=set(ports.values()))
    credentials = {name: stack.secrets.get(name) or make() for name, make in SECRETS.items()}
    settings = _addresses(ports, stack.checkout)
    if credentials != stack.secrets:
        write_json(stack.home / CREDENTIALS, stack.secrets | credentials)
    stored = _read(stack.home / SETTINGS)  # what a user added, such as `maven_mirror`, stays
    content = {**stored, **settings, "checkout": str(stack.checkout), "ports": ports}
    if content != stored:
        write_json(stack.home / SETTINGS, content)
    return Stack(stack.home, stack.checkout, ports, credentials, settings)


def _addresses(ports: dict[str, int], checkout: Path) -> dict[str, str]:
    return {
        "lake": f"s3://{BUCKET}",
        "s3_endpoint": f"http://127.0.0.1:{ports['s3']}",
        # By this name: the client sends a token without TLS to `localhost` only.
        "spark_remote": f"sc://localhost:{ports['spark']}",
        "airflow_url": f"http://127.0.0.1:{ports['airflow']}",
        "airflow_user": AIRFLOW_USER,
        "label_studio_url": f"http://127.0.0.1:{ports['label_studio']}",
        "label_studio_user": LABEL_STUDIO_USER,
        "schemas": str(checkout / "schemas"),
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StackError(
            f"{path}: not JSON ({error}); mend it, or move it away and run `lakemint up`"
        ) from error
    if not isinstance(content, dict):
        raise StackError(f"{path}: expected an object; mend it, or move it away and run `lakemint up`")
    return content
