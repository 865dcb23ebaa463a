"""Which launchers there are."""

from collections.abc import Callable
from typing import Final

from lakemint.config import Config
from lakemint.errors import TrainingError
from lakemint.handover.launch import Launcher, local_torchrun, plain_command
from lakemint.handover.local import LocalLauncher


def _process(config: Config) -> Launcher:
    return LocalLauncher(config.trainings_folder(), plain_command)


def _torchrun(config: Config) -> Launcher:
    return LocalLauncher(config.trainings_folder(), local_torchrun)


LAUNCHERS: Final[dict[str, Callable[[Config], Launcher]]] = {"process": _process, "torchrun": _torchrun}


def launcher(name: str, config: Config) -> Launcher:
    """The launcher of that name, set up by the settings; raises TrainingError when there is none."""
    if name not in LAUNCHERS:
        raise TrainingError(f"no launcher {name!r}: there are {', '.join(LAUNCHERS)}")
    return LAUNCHERS[name](config)
