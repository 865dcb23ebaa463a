"""# Train a baseline on `<dataset>`

Trains a small classifier on the newest version's `train` split, through the same `lakemint.open` that
training jobs use, and scores it on `test`. The score is on the version's card: it shows that the version
can be learned from. Then the card is whole, and is stored beside the version.

| | |
|---|---|
| Woken by | a version of <dataset> |
| Reads | the newest version |
| Writes | the baseline's score; the version's card in the lake: `card.md`, `card.html`, `croissant.json` |
| Wakes | nothing |

**Safe to run again?** Yes. A version that has its score keeps it, and a card that says the same is left.

**When it fails:** the version stands, only its score or its card is missing. The last line of the task's
log says what is wrong; clear the task to try again.
"""

from lakemint.airflow import JobOperator, Version, datasets, stage_dag

for dataset in datasets():
    with stage_dag("train", dataset, __doc__, after=Version(dataset)):
        JobOperator(
            task_id="train",
            job="train",
            dataset=dataset,
            doc_md="Trains the recipe's baseline, scores it on the test split, stores the version's card.",
        )
