"""Every error Lakemint raises on purpose. Each names the thing and the way out.

LakemintError
├── ConfigError        a setting is missing or malformed
├── ContractError      schemas/<dataset>/contract.yaml
├── RecipeError        schemas/<dataset>/recipe.yaml
├── FormError          schemas/<dataset>/label.xml does not fit contract or recipe
├── LabelStudioError   Label Studio refused or failed
│   └── LabelStudioUnavailable
├── StoreError         the object store
│   ├── ObjectNotFound
│   ├── ObjectExists   a conditional write lost
│   ├── StoreUnavailable
│   └── UnsafeStore     what publishing rests on does not hold there
├── NothingLanded      a dataset has no raw object
├── StackError         the embedded stack could not start, stop or be found
├── RunError           a run through Airflow failed
├── TrainingError      a training cannot be handed over, or failed
├── GateFailed         a critical quality rule broke
├── ConservationError  records in ≠ records kept + records that left with a reason
├── TooFewExamples     a version is too small to train a baseline on
├── VersionNotFound    no such dataset version, or no such channel
├── VersionRevised     an erasure took rows from a version since it was opened
├── VersionRetired     a version's owner took it out of use
├── ChannelMoved       a channel is not where it was expected
├── SignatureError     no trusted key has signed a version
├── FormatError        a stored record is malformed, or of a format we do not know
├── IntegrityError     stored bytes are not what the manifest says
└── ExportError        a version cannot be exported there, or came out other than it is
"""


class LakemintError(Exception):
    """The root. The CLI prints it without a stack trace and exits with 1."""


class ConfigError(LakemintError):
    """A setting is missing or malformed."""


class ContractError(LakemintError):
    """A contract is not a valid Open Data Contract, or names a type we do not know."""


class RecipeError(LakemintError):
    """A recipe has a misspelled field or a value out of range."""


class FormError(LakemintError):
    """A label form does not fit the contract or the recipe."""


class LabelStudioError(LakemintError):
    """Label Studio refused a request, or holds what does not fit."""


class LabelStudioUnavailable(LabelStudioError):
    """Label Studio did not answer, or failed. A write may or may not have happened: read back."""


class StoreError(LakemintError):
    """The object store refused or failed."""


class ObjectNotFound(StoreError):
    """No object under that key."""


class ObjectExists(StoreError):
    """A conditional write lost: the key is taken, or holds other bytes than expected."""


class StoreUnavailable(StoreError):
    """The store did not answer, or answered with a server error, for longer than we retry."""


class UnsafeStore(StoreError):
    """The store does not keep a promise that publishing rests on; the message says which."""


class NothingLanded(LakemintError):
    """A dataset has no raw object to begin with."""


class StackError(LakemintError):
    """The embedded stack could not start, stop or be found."""


class RunError(LakemintError):
    """A run through Airflow failed."""


class TrainingError(LakemintError):
    """A training cannot be handed over, its launcher refused it, or it failed: then with its last words."""


class GateFailed(LakemintError):
    """A critical quality rule broke; the message says which rows."""


class ConservationError(LakemintError):
    """Records went in that came out nowhere, or the other way round."""


class TooFewExamples(LakemintError):
    """A version is too small for a score to say anything."""


class VersionNotFound(LakemintError):
    """No such dataset version, or no such channel."""


class VersionRevised(LakemintError):
    """An erasure took rows from a version since it was opened; opened again, it is there without them."""


class VersionRetired(LakemintError):
    """A version's owner took it out of use, and what it held may be gone; the message says when and why."""


class ChannelMoved(LakemintError):
    """A channel is not where it was expected: someone else moved it; the message says who, when and where."""


class FormatError(LakemintError):
    """A stored record is malformed, or of a format this Lakemint does not know."""


class WeightsError(LakemintError):
    """What examples were to be weighed by is no such thing; the message says what and where."""


class IntegrityError(LakemintError):
    """Stored bytes are not what the manifest says."""


class SignatureError(LakemintError):
    """No trusted key has signed a version, or a signature of one is not valid."""


class ExportError(LakemintError):
    """A version cannot be exported into that folder or format, or what was written is not what it holds."""
