"""What tests share that is no fixture."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
LAKEMINT = Path(sys.executable).with_name("lakemint")


def lakemint(*arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, in the checkout."""
    return subprocess.run(
        [LAKEMINT, *arguments], capture_output=True, text=True, cwd=CHECKOUT, timeout=timeout, check=False
    )
