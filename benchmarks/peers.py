"""The peers' environments, from `requirements/peers-<name>.txt`: nothing of theirs comes into ours."""

import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def python(name: str) -> Path:
    """A Python that has the peer; made, or brought to its lock, when it is not there."""
    lock = CHECKOUT / "requirements" / f"peers-{name}.txt"
    folder = CHECKOUT / ".lakemint" / "peers" / name
    found, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists() or ready.read_text() != lock.read_text():
        uv = str(CHECKOUT / ".lakemint" / "tools" / "bin" / "uv")
        ready.unlink(missing_ok=True)
        base = CHECKOUT / ".lakemint" / "tools" / "bin" / "python"
        if not found.exists():
            subprocess.run([uv, "venv", "--quiet", "--python", base, folder], check=True)
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(found)]
        subprocess.run([*install, "-r", str(lock)], check=True)
        ready.write_text(lock.read_text())
    return found
