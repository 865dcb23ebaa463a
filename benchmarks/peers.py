"""The peers' own environment, from `requirements/peers.txt`: nothing of theirs comes into ours."""

import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER = CHECKOUT / ".lakemint" / "peers-env"
LOCK = CHECKOUT / "requirements" / "peers.txt"


def python() -> Path:
    """A Python that has the peers; made, or brought to the lock, when it is not there."""
    found, ready = FOLDER / "bin" / "python", FOLDER / ".ready"
    if not ready.exists() or ready.read_text() != LOCK.read_text():
        uv = str(CHECKOUT / ".lakemint" / "tools" / "bin" / "uv")
        ready.unlink(missing_ok=True)
        base = CHECKOUT / ".lakemint" / "tools" / "bin" / "python"
        if not found.exists():
            subprocess.run([uv, "venv", "--quiet", "--python", base, FOLDER], check=True)
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "--python", found, "-r", LOCK]
        subprocess.run(install, check=True)
        ready.write_text(LOCK.read_text())
    return found
