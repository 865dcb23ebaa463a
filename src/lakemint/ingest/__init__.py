"""Ingest: new raw objects become bronze rows; what cannot be read goes to quarantine, with its reason."""
