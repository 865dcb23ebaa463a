"""Long fault campaigns. `make campaign NAME=<name> [SEEDS=n]`; `make test` runs two seeds of those
that are tests of its own."""

CAMPAIGNS = {
    "ingest_kills": "tests/integration/test_ingest.py::"
    "test_killed_at_any_time_and_run_again_gives_the_same_tables",
    "cluster_growth": "tests/integration/test_clusters.py::"
    "test_as_data_grow_no_copies_stand_apart_and_no_test_example_is_trained_on",
    "rebuild": "tests/campaigns/test_rebuild.py",
}
"""Name → the test that takes one `seed`. `ingest_kills`: ingest, killed at random times and run again.
`cluster_growth`: a dataset that grows by copies of what it has, in steps.
`rebuild`: the demo's versions on two executors, one of them killed, and on 1, 2 and 4 cores: four seeds."""
