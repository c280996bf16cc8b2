"""The classifier of `nearest`, with one fault; `params: {how: …}` says which."""

import time

import nearest
import numpy as np


def train(trials):
    for number, result in enumerate(nearest.train(trials)):
        result.arrays["train_logits"] = FAULTS[trials.params["how"]](number, result.arrays["train_logits"])
        yield result


def _hang(number, train):
    time.sleep(60)
    return train


FAULTS = {
    "none": lambda _, train: train,
    "shuffled": lambda _, train: np.random.default_rng().permutation(train),
    "fixed order": lambda _, train: np.random.default_rng(0).permutation(train),
    "unseeded": lambda _, train: train + np.random.default_rng().normal(size=train.shape),
    "depends on the trials before": lambda number, train: train * (1 + number),
    "classes": lambda _, train: train[:, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]],
    "length": lambda _, train: train[:-1],
    "class count": lambda _, train: train[:, :9],
    "nan": lambda _, train: np.where(train == train.min(), np.nan, train),
    "hang": _hang,
}
