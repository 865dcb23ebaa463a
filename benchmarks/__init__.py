"""Measurements against named peers or limits. `make bench NAME=<name>` runs `benchmarks/<name>`."""
