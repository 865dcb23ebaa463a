"""Where a loader is in its order: all it must know to go on there, as plain data of a few hundred bytes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from lakemint.errors import LakemintError
from lakemint.feed.order import ALGORITHM

FORMAT: Final = "lakemint.feed-state/1"


@dataclass(frozen=True)
class Order:
    """What an order of examples follows from."""

    version: str
    """Its name, as in `reviews@1`: for people, it is known by its digest."""
    digest: str
    split: str
    seed: int
    shuffle: bool
    window: int
    """How many shards are mixed at a time."""
    weights: str = ""
    """The digest of how often each example comes; empty: once an epoch."""
    algorithm: str = ALGORITHM


@dataclass(frozen=True)
class State:
    """A place in an order. Ranks and batch sizes are no part of it: any number of them can go on there."""

    order: Order
    epoch: int
    position: int
    """How many examples of the epoch were handed out, to all ranks together."""

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"format": FORMAT, **asdict(self.order), "epoch": self.epoch, "position": self.position}

    @classmethod
    def of(cls, plain: Mapping[str, Any], order: Order, rows: int) -> "State":
        """Read what `plain` wrote, of a split of so many rows.

        Raises LakemintError, saying what differs, when it is not of this order.
        """
        require_state(plain, FORMAT)
        for name in ("digest", "split", "algorithm", "seed", "shuffle", "window"):
            theirs, mine = plain.get(name), getattr(order, name)
            if theirs != mine:
                raise LakemintError(
                    f"the state is of {plain.get('version')} with the {name} {theirs!r}, and this loader is "
                    f"of {order.version} with {mine!r}: make one like it, or begin the epoch anew"
                )
        if plain.get("weights", "") != order.weights:
            raise LakemintError(
                f"the state is of {plain.get('version')} with other weights, or from before an erasure "
                "changed their shares: make a loader like it, or begin the epoch anew"
            )
        return cls(order, whole_number(plain, "epoch", 2**53), whole_number(plain, "position", rows))


def require_state(plain: Any, wanted: str) -> None:
    """Raises LakemintError for what is no state of that format."""
    if not isinstance(plain, Mapping) or plain.get("format") != wanted:
        raise LakemintError(
            f"this is no state of a loader of this kind, or a newer Lakemint's: its format is not {wanted}"
        )


def whole_number(plain: Mapping[str, Any], name: str, most: int) -> int:
    """A number of a state; raises LakemintError when it is none."""
    value = plain.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise LakemintError(f"the state of the loader is damaged: its {name} is {value!r}, 0 to {most} fit")
    return value
