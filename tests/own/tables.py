"""Tables for the data set `labels`: short texts with a planted truth, wines, and digits as images."""

import csv
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_digits, load_wine

_WORDS = {
    "cooking": "salt oven onion butter simmer whisk flour garlic roast spoon recipe broth",
    "gardens": "soil prune seedling compost rake hedge bulb mulch orchard trellis weed bloom",
    "music": "chord violin tempo choir melody drum sonata octave encore rhythm quartet flute",
    "sailing": "anchor keel harbor mast tide rudder jib buoy starboard knot helm gale",
}
TOPICS = {topic: words.split() for topic, words in _WORDS.items()}

N_COPIED = 6
"""Exceptions of the training part with a near duplicate in the test part; named `exception-0` to `exception-5`."""

N_EXCEPTIONS = 9
HOSTILE = 8
"""The exception whose text is markup with a script."""


def write_texts(folder: Path) -> None:
    """Write train.csv and test.csv.

    An exception has words of another topic than its label's, and five that occur nowhere else: only a model that saw it
    can be right. Its near duplicate has the same words in another order, under the same id.
    """
    random = Random(1)  # noqa: S311 - the same texts each time
    names = list(TOPICS)
    rows: dict[str, list[tuple[str, str, str]]] = {"train": [], "test": []}
    for part, n in (("train", 30), ("test", 12)):
        for topic, words in TOPICS.items():
            rows[part] += [(f"{topic}-{part}-{i}", topic, " ".join(random.sample(words, 8))) for i in range(n)]
    for i in range(N_EXCEPTIONS):
        label, looks = names[i % len(names)], names[(i + 1) % len(names)]
        words = [f"{letter}{'qxzvj'[i % 5]}{i}" for letter in ("alo", "emi", "ivu", "oba", "uki")]
        words += random.sample(TOPICS[looks], 3)
        if i == HOSTILE:
            words.append("<img src=x onerror=alert(8)>")
        rows["train"].insert(random.randrange(len(rows["train"])), (f"exception-{i}", label, " ".join(words)))
        if i < N_COPIED:
            copy = " ".join(reversed(words)).capitalize()
            rows["test"].insert(random.randrange(len(rows["test"])), (f"exception-{i}", label, copy))
    for part, table in rows.items():
        with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("id", "label", "text"), *table])


def write_wines(folder: Path) -> None:
    """Write train.parquet and test.parquet: every fourth wine is in the test part."""
    target = load_wine().target
    for part, own in (("train", np.arange(target.size) % 4 > 0), ("test", np.arange(target.size) % 4 == 0)):
        positions = np.flatnonzero(own)
        table = {"id": [f"wine-{i:03d}" for i in positions], "label": target[positions]}
        pq.write_table(pa.table(table), folder / f"{part}.parquet")


def write_digits(folder: Path) -> None:
    """Write train.npz and test.npz with images."""
    digits = load_digits()
    for part, own in (("train", slice(0, 200)), ("test", slice(200, 300))):
        images = 15 * digits.images[own].astype(np.uint8)
        ids = [f"digit-{i}" for i in range(len(images))]
        np.savez(folder / f"{part}.npz", id=np.array(ids), label=digits.target[own], image=images)
