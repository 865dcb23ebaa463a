"""A user's own settings for Spark."""

from pathlib import Path

import pytest

from lakemint.errors import StackError
from lakemint.stack.servers.spark import read_properties


def test_the_lines_are_read_as_spark_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "spark.conf"
    path.write_text(
        "# memory\nspark.driver.memory   8g\n\nspark.master=local[16, 4]\n  spark.a\t-Dx=1 -Dy=2 \n"
    )
    assert read_properties(path) == {
        "spark.driver.memory": "8g",
        "spark.master": "local[16, 4]",
        "spark.a": "-Dx=1 -Dy=2",
    }


@pytest.mark.parametrize("line", ["spark.driver.memory", "driver.memory 8g", "{"])
def test_what_is_no_setting_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "spark.conf"
    path.write_text(f"spark.driver.memory 8g\n{line}\n")
    with pytest.raises(StackError, match=rf"spark\.conf, line 2: not a setting .*{line}"):
        read_properties(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"nowhere: cannot be read .*LAKEMINT_SPARK_CONF"):
        read_properties(tmp_path / "nowhere")
