"""Gold's Delta table: changed by what differs, so that publishing can follow its change feed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from lakemint.delta_log import CHANGE_FEED, Commit, DeltaLog
from lakemint.names import SAMPLE_ID
from lakemint.spark import match, note_only, read_table, replace_table, set_properties

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_FED: Final = {"enableChangeDataFeed": "true"}


def bring_up_to_date(
    examples: "DataFrame", uri: str, log: DeltaLog, note: Mapping[str, Any]
) -> tuple[Commit, bool]:
    """Make gold these examples, made of the inputs of `note`; return its newest commit, and if it is new.

    Where the last commit's note is the same, nothing is done; where its columns change, it is written anew.
    Killed between two commits, it leaves right rows with the note of before; the next one makes it good.
    """
    spark, last, told = examples.sparkSession, log.last("gold"), {**note, CHANGE_FEED: True}
    if last and last.note == told:
        return last, False
    if last is None:
        replace_table(examples, uri, told, **_FED)
    elif last.note.get(CHANGE_FEED) and read_table(spark, uri).dtypes == examples.dtypes:
        match(examples, uri, [SAMPLE_ID], told)
        if log.need("gold").note != told:  # nothing differed, so nothing was committed
            note_only(spark, uri, told)
    else:
        set_properties(spark, uri, **_FED)
        replace_table(examples, uri, told)
    return log.need("gold"), True
