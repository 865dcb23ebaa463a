"""Long fault campaigns. `make campaign NAME=<name> [SEEDS=n]`; `make test` runs a few seeds of each."""
