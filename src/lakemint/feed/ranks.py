"""Which of a training run's processes this is."""

import sys

from lakemint.config import launched_rank
from lakemint.errors import LakemintError


def rank_and_world(rank: int | None, world: int | None) -> tuple[int, int]:
    """As given; else as `torch.distributed` says, once initialised; else as `torchrun` does; else 0 of 1.

    Raises LakemintError for a rank that is not below the world's size, and ConfigError.
    """
    if (rank is None) != (world is None):
        raise LakemintError("give both rank and world, or neither")
    if rank is None or world is None:
        rank, world = _initialised() or launched_rank()
    if not 0 <= rank < world:
        raise LakemintError(f"rank {rank} of {world}: ranks are 0 to {world - 1}")
    return rank, world


def _initialised() -> tuple[int, int] | None:
    # Who trains without torch does not wait for its import.
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not (distributed.is_available() and distributed.is_initialized()):
        return None
    return distributed.get_rank(), distributed.get_world_size()
