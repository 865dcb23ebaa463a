"""Long fault campaigns. `make campaign NAME=<name> [SEEDS=n]`; `make test` runs two seeds of those
that are tests of its own."""

CAMPAIGNS = {
    "ingest_kills": [
        "tests/integration/test_ingest.py::test_killed_at_any_time_and_run_again_gives_the_same_tables",
    ],
    "cluster_growth": [
        "tests/integration/test_clusters.py::"
        "test_as_data_grow_no_copies_stand_apart_and_no_test_example_is_trained_on",
    ],
    "rebuild": ["tests/campaigns/test_rebuild.py"],
    "publish_kills": ["tests/integration/test_kills.py"],
    "erase_tables": ["tests/campaigns/test_erase_tables.py"],
    "erasure": ["tests/campaigns/test_erasure.py"],
    "bit_flips": ["tests/unit/feed/test_flips.py"],
    "feed_elasticity": ["tests/frameworks/test_elasticity.py"],
    "publish_model": [
        "tests/campaigns/test_publish_model.py",
        "tests/model/test_model.py::test_without_a_safeguard_some_order_breaks_a_law",
    ],
}
"""Name → its tests; those that take a `seed` run once for each. The numbers that they record are added up.

`ingest_kills`: ingest, killed at random times and run again.
`cluster_growth`: a dataset that grows by copies of what it has, in steps.
`rebuild`: the demo's versions on two executors, one of them killed, and on 1, 2 and 4 cores: four seeds.
`publish_kills`: publishing, collecting, promoting and erasing, killed or put to sleep at any moment, in a
folder and in the real store, and there with replies lost, refused and cut short.
`erase_tables`: a subject's rows taken out of tables, killed on the way, and amid what others ingest; it has
no seeds.
`erasure`: a hundred people and all they gave, taken out of five versions; it has no seeds.
`bit_flips`: single bits of shards, manifests, version records and cached files, each flipped and read.
`feed_elasticity`: ranks of a training, and their workers, killed at any moment; others go on. Fifteen crews a
seed, under PyTorch.
`publish_model`: every order of their steps with two faults, and without each safeguard; it has no seeds."""
