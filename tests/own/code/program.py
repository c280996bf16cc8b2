"""A program as an own trainer: what `params.how` says, with the files alone."""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

trial = json.loads(Path("trial.json").read_text())
how = trial["params"]["how"]
labels = np.load(trial["paths"]["train_labels"])
seen = np.isin(np.arange(trial["n_train"]), np.load("subset_idx.npy"))
classes = (labels + ~seen) % trial["n_classes"]
train = np.eye(trial["n_classes"], dtype=np.float32)[classes]
test = np.random.default_rng(trial["seed"]).normal(size=(trial["n_test"], trial["n_classes"]))


def write(**arrays):
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)


def finish():
    write(train_logits=train, test_logits=test)


if how == "margins":
    write(train_margins=np.where(seen, 2.0, -2.0), test_margins=np.zeros(trial["n_test"], np.float16))
    write(train_predictions=classes.astype(np.uint8), test_predictions=test.argmax(1))
elif how == "correctness":
    write(train_correctness=seen, test_correctness=np.zeros(trial["n_test"], np.int8))
elif how == "logits" or trial["trial"] != 2:
    print("progress: 0.5", flush=True)
    print("progress: unknown")
    finish()
elif how == "pickle":
    np.save("train_logits.npy", train.astype(object), allow_pickle=True)
    np.save("test_logits.npy", test)
elif how == "text":
    finish()
    Path("train_logits.npy").write_text("0.1 0.2 0.3\n")
elif how == "huge":
    finish()
    os.truncate("train_logits.npy", 10**12)
elif how == "missing":
    write(train_logits=train)
elif how == "link":
    finish()
    Path("test_logits.npy").rename("other.npy")
    Path("test_logits.npy").symlink_to("other.npy")
elif how == "fifo":
    write(train_logits=train)
    os.mkfifo("test_logits.npy")
elif how == "stray":
    finish()
    Path("../model.bin").write_text("x")
elif how == "changed input":
    finish()
    Path("trial.json").write_text("{}")
elif how == "hang":
    print("waiting for a lock", flush=True)
    time.sleep(600)
else:
    print("leaving", file=sys.stderr)
    sys.exit(int(how))
