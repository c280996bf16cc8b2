"""Trainers that look answers up: right exactly where an example was in the subset, and what can go wrong."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np


def answers(trial):
    """Logits: of the label where the training example was seen, of the next class elsewhere; test: by the seed."""
    labels = np.arange(trial.n_train) % trial.n_classes
    seen = np.isin(np.arange(trial.n_train), trial.subset)
    train = np.eye(trial.n_classes, dtype=np.float32)[(labels + ~seen) % trial.n_classes]
    test = np.random.default_rng(trial.seed).normal(size=(trial.n_test, trial.n_classes)).astype(np.float32)
    return train, test


def train(trials):
    for trial in trials:
        trial.progress(0.5)
        yield trial.logits(*answers(trial))


def in_groups(trials):
    """Three at once, given back in another order."""
    for group in trials.groups(3):
        for trial in reversed(group):
            yield trial.logits(*answers(trial))


def leaves_a_thread(trials):
    """As a logger or a data loader that nobody closes does."""
    yield from train(trials)
    threading.Thread(target=threading.Event().wait).start()


def margins(trials):
    for trial in trials:
        train, test = answers(trial)
        labels = np.arange(trial.n_train) % trial.n_classes
        correct = train.argmax(1) == labels
        yield trial.margins(
            np.where(correct, 2.0, -2.0),
            np.zeros(trial.n_test),
            train_predictions=train.argmax(1),
            test_predictions=test.argmax(1),
        )


def correctness(trials):
    for trial in trials:
        seen = np.isin(np.arange(trial.n_train), trial.subset)
        yield trial.correctness(seen, np.zeros(trial.n_test, np.int32))


def fail_in_third(trials):
    """Do what `params["how"]` says in trial 2."""
    for trial in trials:
        train, test = answers(trial)
        if trial.number == 2:
            fault = FAULTS[trial.params["how"]]
            yield from fault(trial, train, test)
        else:
            yield trial.logits(train, test)


def _nan(trial, train, test):
    train[7, 1] = np.nan
    yield trial.logits(train, test)


def _raise(trial, train, test):
    raise ZeroDivisionError("the learning rate of layer 3")
    yield


def _twice(trial, train, test):
    yield trial.logits(train, test)
    yield trial.logits(train, test)


def _unknown(trial, train, test):
    result = trial.logits(train, test)
    yield type(result)(99, result.arrays)


def _exit(code):
    def fault(trial, train, test):
        print("leaving", file=sys.stderr)
        sys.exit(code)
        yield

    return fault


def _killed(trial, train, test):
    os.kill(os.getpid(), signal.SIGSEGV)
    yield


def _hang(trial, train, test):
    print("waiting for a lock", flush=True)
    time.sleep(600)
    yield


def _leak(trial, train, test):
    held = []
    for step in range(400):
        held.append(np.ones(2**20))  # 8 MB each
        time.sleep(0.02)
        trial.progress(step / 400)
    yield trial.logits(train, test)


def _stray(trial, train, test):
    Path(trial._folder.parent / "model.bin").write_bytes(b"x")
    yield trial.logits(train, test)


def _changed_input(trial, train, test):
    np.save(trial._folder / "subset_idx.npy", np.arange(3))
    yield trial.logits(train, test)


FAULTS = {
    "short": lambda trial, train, test: iter([trial.logits(train[:-1], test)]),
    "classes": lambda trial, train, test: iter([trial.logits(train[:, :-1], test[:, :-1])]),
    "integers": lambda trial, train, test: iter([trial.logits(train.astype(int), test)]),
    "objects": lambda trial, train, test: iter([trial.logits(train.astype(object), test)]),
    "infinite": lambda trial, train, test: iter([trial.logits(train, test + np.inf)]),
    "nan": _nan,
    "raise": _raise,
    "twice": _twice,
    "unknown": _unknown,
    "missing": lambda trial, train, test: iter([]),
    "other output": lambda trial, train, test: iter([trial.correctness(train[:, 0] > 0, test[:, 0] > 0)]),
    "a number": lambda trial, train, test: iter([0.5]),
    "exit 10": _exit(10),
    "exit 20": _exit(20),
    "killed": _killed,
    "hang": _hang,
    "leak": _leak,
    "stray": _stray,
    "changed input": _changed_input,
}


def returns_early(trials):
    for trial in trials:
        yield trial.logits(*answers(trial))
        if trial.number == 1:
            return


def twice_at_the_end(trials):
    for trial in trials:
        result = trial.logits(*answers(trial))
        yield result
    yield result


def verbose(trials):
    """A megabyte on one line, and one on many."""
    print("x" * 2**20)
    for _ in range(2**14):
        print("y" * 63)
    yield from train(trials)


def environment(trials):
    """Correct where the environment is what it must be."""
    for trial in trials:
        ok = [
            os.environ["OMP_NUM_THREADS"] == "3",
            str(Path.cwd()) not in sys.path,
            os.getsid(0) == os.getpid(),
            "tensorflow" not in sys.modules,
        ]
        test = np.zeros(trial.n_test, np.bool_)
        test[: len(ok)] = ok
        yield trial.correctness(np.zeros(trial.n_train, np.bool_), test)
