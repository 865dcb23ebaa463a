"""Gold's Delta table: changed by what differs, so that publishing can follow its change feed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from lakemint.delta_log import CHANGE_FEED, DeltaLog
from lakemint.names import SAMPLE_ID
from lakemint.spark import match, note_only, read_table, replace_table, set_property

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_FED: Final = {"enableChangeDataFeed": "true"}


def bring_up_to_date(examples: "DataFrame", uri: str, log: DeltaLog, note: Mapping[str, Any]) -> None:
    """Make gold these examples, noted as made of the inputs of `note`; anew where its columns change.

    Killed between two commits, it leaves right rows with the note of before; the next one makes it good.
    """
    spark, last, told = examples.sparkSession, log.last("gold"), {**note, CHANGE_FEED: True}
    if last is None:
        replace_table(examples, uri, told, **_FED)
    elif last.note.get(CHANGE_FEED) and read_table(spark, uri).dtypes == examples.dtypes:
        match(examples, uri, [SAMPLE_ID], told)
        if log.need("gold").note != told:  # nothing differed, so nothing was committed
            note_only(spark, uri, told)
    else:
        for name, value in _FED.items():
            set_property(spark, uri, name, value)
        replace_table(examples, uri, told)
