"""What the demo trains on a version: a baseline to compare with."""
