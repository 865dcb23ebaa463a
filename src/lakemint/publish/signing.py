"""Signing what a publish makes, before it becomes a version: none of a signer is there without."""

from dataclasses import dataclass
from pathlib import Path

from lakemint.config import Config
from lakemint.keys import PrivateKey, read_private_key
from lakemint.lake import Lake
from lakemint.published.records import Manifest, read_manifest
from lakemint.published.signatures import sign, signed_by
from lakemint.published.version_record import VersionRecord
from lakemint.store import Store


@dataclass(frozen=True)
class Signing:
    """Signs manifests of a dataset by the configured key, and none without one.

    It signs what this run made, never what it found: an unsigned version may be anybody's. So that is made
    again, and a version goes on only from one that the same key signed.
    """

    store: Store
    lake: Lake
    dataset: str
    key: PrivateKey | None

    @classmethod
    def of(cls, config: Config, store: Store, lake: Lake, dataset: str) -> "Signing":
        """By the setting `signing_key`; raises ConfigError for a key that cannot be read."""
        key = read_private_key(Path(config.signing_key)) if config.signing_key else None
        return cls(store, lake, dataset, key)

    def vouched(self, version: VersionRecord | None) -> Manifest | None:
        """The version's manifest if the key signed it, and any version's without a key; else None."""
        if version is None:
            return None
        own = self.store, self.lake, self.dataset, version.manifest
        return read_manifest(*own) if self.key is None or signed_by(*own, self.key.public) else None

    def sign(self, digest: str) -> None:
        """Sign a manifest that this run made."""
        if self.key is not None:
            sign(self.store, self.lake, self.dataset, digest, self.key)
