"""What a version's record says in the words of the Responsible AI extension of Croissant.

Source: MLCommons, "Croissant RAI Specification", version 1.0.
"""

from typing import Any

from lakemint.published.described import REPLAYED, Description
from lakemint.published.records import LabelSummary, Manifest


def responsible(manifest: Manifest, description: Description) -> dict[str, Any]:
    """`rai:…` → text or texts; nothing that the record does not say."""
    labels = manifest.labels
    told: dict[str, Any] = {
        "dataCollectionRawData": _raw(manifest),
        "dataPreprocessingProtocol": _preprocessing(manifest),
        "dataAnnotationProtocol": _protocol(labels),
        "dataAnnotationPlatform": "Label Studio" if labels.answers else None,
        "dataAnnotationAnalysis": _analysis(labels),
        "annotationsPerItem": _per_item(labels),
        "dataLimitations": [*filter(None, [description.limitations, REPLAYED if labels.replayed else ""])],
        "dataUseCases": [*filter(None, [description.purpose, description.usage])],
        "personalSensitiveInformation": [
            f"{column}: {sort}" for column, sort in description.personal.items()
        ],
        "dataReleaseMaintenancePlan": (
            "A version never changes: a correction is a new version, and this one keeps its digest."
        ),
    }
    return {f"rai:{name}": value for name, value in told.items() if value}


def _raw(manifest: Manifest) -> str:
    tables = ", ".join(f"{table} {at.version}" for table, at in sorted(manifest.inputs.items()))
    return f"{manifest.counts.raw:,} raw records, refined into the tables {tables}."


def _preprocessing(manifest: Manifest) -> list[str]:
    counts = manifest.counts
    left = {
        "could not be read and were quarantined": counts.quarantined,
        "were rejected, each with a reason (duplicates among them)": counts.rejected,
        "have no label": counts.unlabeled,
        "are published": counts.published,
    }
    return [f"{rows:,} of {counts.raw:,} raw records {what}." for what, rows in left.items()]


def _protocol(labels: LabelSummary) -> str | None:
    if labels.method == "known":
        return "The raw records say the label; nobody was asked."
    return f"Answers of people, brought together by {labels.method}." if labels.method else None


def _analysis(labels: LabelSummary) -> list[str]:
    told = []
    if labels.alpha is not None:
        told.append(f"Krippendorff's alpha {labels.alpha:.4f}")
    if labels.mean_agreement is not None:
        told.append(f"mean agreement {labels.mean_agreement:.4f}")
    if labels.answers is not None and labels.annotators is not None:
        people = "accounts" if labels.replayed else "annotators"
        told.append(f"{labels.answers:,} answers by {labels.annotators:,} {people}")
    return told


def _per_item(labels: LabelSummary) -> str | None:
    if not labels.answers or not labels.samples:
        return None
    return f"{labels.answers / labels.samples:.2f} on average"
