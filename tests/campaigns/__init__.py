"""Long fault campaigns. `make campaign NAME=<name> [SEEDS=n]`; `make test` runs two seeds of each."""

CAMPAIGNS = {
    "ingest_kills": "tests/integration/test_ingest.py::"
    "test_killed_at_any_time_and_run_again_gives_the_same_tables",
}
"""Name → the test that takes one `seed`. `ingest_kills`: ingest, killed at random times and run again."""
