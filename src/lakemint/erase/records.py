"""What an erasure leaves of itself: an order while it is under way, and in its place a receipt in the end.

The order names the subjects, since whoever goes on after a crash must know them; the receipt does not. Of a
subject that is asked for, it can be told whether a receipt is about it: by a digest, which is as hard to
reverse as the subject's value is to guess.
"""

from typing import Annotated, Literal

from pydantic import Field

from lakemint.digest import canonical, sha256
from lakemint.keys import PrivateKey, PublicKey
from lakemint.published.records import Count, Digest, Record
from lakemint.published.signatures import encoded, read_signature, written_signature
from lakemint.subjects import Subjects

MEDIA_TYPE = b"application/vnd.lakemint.erasure+json"


class Trace(Record):
    """A raw object, or recorded answers, in which the subject was found."""

    object: str
    source: str
    etag: str
    """Of its bytes as they were then."""
    lines: list[Count]
    """From 1; [0] for the whole object."""
    records: Count
    """In these lines, readable or not."""
    unread: Count
    """Those of them that nobody could read, but for the name that stands in them."""


class Found(Record):
    """What is to go."""

    samples: list[str]
    traces: list[Trace]
    """Of raw objects."""
    keys: dict[str, list[str]] = Field(default_factory=dict, repr=False)
    """Source → by what recorded answers are joined to the records."""
    recordings: list[Trace] = Field(default_factory=list)
    """Of recorded answers to them."""
    rows: dict[str, Count]
    """Table → rows."""
    tasks: Count
    """In Label Studio."""
    lost_states: Count
    """Earlier states of silver that versions were made from, and that can no longer be read: of samples that
    silver has had since then no more, nobody knows whose they were, unless a version's own column says so."""

    @property
    def records(self) -> int:
        """Raw records, readable or not; a whole object is one."""
        return sum(trace.records for trace in self.traces)

    @property
    def unread(self) -> int:
        """Those of them that nobody could read."""
        return sum(trace.unread for trace in self.traces)

    @property
    def objects(self) -> int:
        return len({trace.object for trace in self.traces})

    @property
    def recorded(self) -> int:
        """Lines of recorded answers."""
        return sum(trace.records for trace in self.recordings)

    @property
    def is_anything(self) -> bool:
        return bool(self.samples or self.traces or self.recordings or self.tasks or any(self.rows.values()))

    def and_(self, later: "Found") -> "Found":
        """All of both; what a search that was cut off had begun to remove is not counted twice.

        Of lost states the first search knows: what follows it removes the tables' history.
        """
        tables = dict.fromkeys([*self.rows, *later.rows])
        return Found(
            samples=sorted({*self.samples, *later.samples}),
            traces=_both(self.traces, later.traces),
            keys={
                source: sorted({*self.keys.get(source, ()), *later.keys.get(source, ())})
                for source in dict.fromkeys([*self.keys, *later.keys])
            },
            recordings=_both(self.recordings, later.recordings),
            rows={name: max(self.rows.get(name, 0), later.rows.get(name, 0)) for name in tables},
            tasks=max(self.tasks, later.tasks),
            lost_states=self.lost_states,
        )


def _both(traces: list[Trace], later: list[Trace]) -> list[Trace]:
    known = {(trace.object, trace.etag) for trace in traces}
    return [*traces, *(trace for trace in later if (trace.object, trace.etag) not in known)]


class Order(Record):
    """`published/<dataset>/erasures/<uuid>.json` until the erasure is complete."""

    format: Literal["lakemint.erasure-order/1"] = "lakemint.erasure-order/1"
    dataset: str
    erasure: str
    """The UUID."""
    column: str
    values: list[str] = Field(repr=False)
    by: str
    ordered_at: str
    """UTC, ISO 8601."""
    agreed: bool = False
    """Whether somebody said that it shall be carried out; until then it only asks what would go."""
    found: Found | None = None
    """Null until something may have been removed."""

    @property
    def subjects(self) -> Subjects:
        return Subjects(self.column, *self.values)

    @property
    def has_begun(self) -> bool:
        """Whether something may have been removed."""
        return self.found is not None

    @property
    def is_due(self) -> bool:
        """Whether it is to be carried out."""
        return self.agreed or self.has_begun

    def is_for(self, subjects: Subjects) -> bool:
        """Whether it is about just them."""
        return self.subjects == subjects

    def is_about(self, subjects: Subjects) -> bool:
        """Whether any of them is among those whom it is about."""
        return not self.subjects.plain.isdisjoint(subjects.plain)


class RevisedVersion(Record):
    """What became of a version."""

    version: Annotated[int, Field(ge=1, lt=10**8)]
    before: Digest
    after: Digest
    """Of its manifest."""
    rows: Count
    """How many went."""


class Receipt(Record):
    """`published/<dataset>/erasures/<uuid>.json` for good: what was searched, and what was removed."""

    format: Literal["lakemint.erasure/1"] = "lakemint.erasure/1"
    dataset: str
    erasure: str
    column: str
    subjects: list[Digest]
    """See `digests_of_subjects`."""
    by: str
    ordered_at: str
    done_at: str | None
    """UTC, ISO 8601; null while the servers' files may still hold what was deleted, the order among it."""
    samples: Count
    records: Count
    """Raw records, readable or not."""
    unread: Count
    """Those of them that nobody could read: the name stood in them."""
    objects: Count
    """Raw objects that held them."""
    recorded: Count = Field(default=0, exclude_if=lambda lines: lines == 0)
    """Lines of recorded answers to them. Receipts without any keep the signatures they had."""
    rows: dict[str, Count]
    """Table → rows."""
    tasks: Count
    versions: list[RevisedVersion]
    searched: list[str]
    """All that was looked through."""
    lost_states: Count
    """See `Found`."""
    key: Digest | None = None
    """The id of the key that signed all the rest."""
    signature: str | None = None
    """Base64."""

    def signed(self, key: PrivateKey | None) -> "Receipt":
        """The same, signed by the key if there is one, as a manifest is; see `published.signatures`."""
        if key is None:
            return self
        named = self.model_copy(update={"key": key.public.id})
        return named.model_copy(update={"signature": written_signature(key.sign(named.message))})

    @property
    def has_begun(self) -> bool:
        """All that was found was removed."""
        return True

    @property
    def is_due(self) -> bool:
        """Whether the servers' files may still hold what was removed."""
        return self.done_at is None

    def is_for(self, subjects: Subjects) -> bool:
        """Whether it is about just them."""
        return self.column == subjects.column and self.subjects == digests_of_subjects(self.erasure, subjects)

    def is_about(self, subjects: Subjects) -> bool:
        """Whether any of them is among those who were erased."""
        return not {*self.subjects}.isdisjoint(digests_of_subjects(self.erasure, subjects))

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether the signature is there, that key's, and valid."""
        if self.key != key.id or self.signature is None:
            return False
        signature = read_signature(self.signature)
        return signature is not None and key.has_signed(self.message, signature)

    @property
    def message(self) -> bytes:
        """The bytes that are signed."""
        return encoded(MEDIA_TYPE, canonical(self.model_dump(mode="json", exclude={"signature"})))


def digests_of_subjects(erasure: str, subjects: Subjects) -> list[str]:
    """By which a receipt names its subjects, sorted: other ones for each erasure."""
    return sorted(sha256(f"{erasure}\n{subjects.column}\n{value}".encode()) for value in subjects.plain)
