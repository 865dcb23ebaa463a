"""Publishes gold as an immutable version: shards, then the manifest, then the record that commits it."""
