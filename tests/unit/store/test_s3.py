"""Which host and path a bucket is asked for at, and what a store is called; no server is asked."""

from dataclasses import replace

import pytest

from lakemint.config import Config
from lakemint.errors import ConfigError
from lakemint.lake import Lake
from lakemint.store import S3Store, StoreAddress, s3_client

HERE = Config(s3_access_key="access", s3_secret_key="secret", s3_region="eu-west-1")


@pytest.mark.parametrize(
    ("endpoint", "style", "url"),
    [
        ("https://s3.example:8333", "", "https://s3.example:8333/mint/a/b"),
        ("https://s3.example:8333", "path", "https://s3.example:8333/mint/a/b"),
        ("https://s3.example:8333", "virtual", "https://mint.s3.example:8333/a/b"),
        ("", "", "https://mint.s3.amazonaws.com/a/b"),  # boto3's own choice
        ("", "path", "https://s3.eu-west-1.amazonaws.com/mint/a/b"),
        ("", "virtual", "https://mint.s3.eu-west-1.amazonaws.com/a/b"),
    ],
)
def test_the_bucket_is_in_the_path_or_in_the_hosts_name(endpoint: str, style: str, url: str) -> None:
    client = s3_client(replace(HERE, s3_endpoint=endpoint, s3_style=style))
    asked = client.generate_presigned_url("get_object", Params={"Bucket": "mint", "Key": "a/b"})
    assert asked.partition("?")[0] == url


def test_another_style_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="s3_style 'host': write path or virtual, or leave it out"):
        s3_client(Config(s3_style="host"))


@pytest.mark.parametrize(
    ("endpoint", "lake", "address"),
    [
        ("http://s3.example:8333", "s3://mint/team/a", "http://s3.example:8333/mint/team/a"),
        ("http://ana:secret@s3.example/", "s3://mint", "http://s3.example/mint"),
        ("", "s3://mint", "https://s3.eu-west-1.amazonaws.com/mint"),
    ],
)
def test_a_stores_address_says_where_it_is_and_no_secret(endpoint: str, lake: str, address: str) -> None:
    assert S3Store(replace(HERE, s3_endpoint=endpoint), Lake(lake)).address == address


def test_a_worker_asks_as_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(lake="s3://mint", s3_endpoint="https://s3.example", s3_style="virtual")
    monkeypatch.setenv("LAKEMINT_S3_STYLE", "path")
    seen: list[Config] = []
    monkeypatch.setattr("lakemint.store.open_store", seen.append)
    StoreAddress.of(config).open()
    assert [(one.s3_endpoint, one.s3_style) for one in seen] == [("https://s3.example", "virtual")]
