"""A trial of many short steps with checkpoints: as a function, and as a program."""

import json
import time
from pathlib import Path

import numpy as np

STEPS = 150


def step(state):
    return np.sin(state * 1.7 + 0.3)


def logits(state, n, n_classes):
    return np.sin(np.outer(np.arange(n) + 1, state[:n_classes]))


def train(trials):
    for trial in trials:
        first, state = 0, np.random.default_rng(trial.seed).normal(size=10)
        if trial.checkpoint:
            first, state = int((trial.checkpoint / "step").read_text()), np.load(trial.checkpoint / "state.npy")
        for number in range(first, STEPS):
            state = step(state)
            time.sleep(0.01)
            trial.progress((number + 1) / STEPS)

            def write(folder, number=number, state=state):
                (folder / "step").write_text(str(number + 1))
                np.save(folder / "state.npy", state)

            trial.save_checkpoint(write)
        yield trial.logits(*(logits(state, n, trial.n_classes) for n in (trial.n_train, trial.n_test)))


def main():
    trial = json.loads(Path("trial.json").read_text())
    first, state = 0, np.random.default_rng(trial["seed"]).normal(size=10)
    kept = Path("checkpoint/state.json")
    if kept.exists():
        document = json.loads(kept.read_text())
        first, state = document["step"], np.array(document["state"])
    for number in range(first, STEPS):
        state = step(state)
        time.sleep(0.01)
        Path("checkpoint/.new").write_text(json.dumps({"step": number + 1, "state": state.tolist()}))
        Path("checkpoint/.new").replace(kept)
        print(f"progress: {(number + 1) / STEPS}", flush=True)
    np.save("train_logits.npy", logits(state, trial["n_train"], trial["n_classes"]))
    np.save("test_logits.npy", logits(state, trial["n_test"], trial["n_classes"]))


if __name__ == "__main__":
    main()
