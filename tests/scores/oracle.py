"""The scores by two plain Python loops: slow, obvious, and written from the paper, not from the fast path.

Everything is a list of lists of bools: `mask[k][i]` (trial k saw train example i), `train[k][i]`, `test[k][j]` (right).
"""

import math
from collections.abc import Sequence

Bits = Sequence[Sequence[bool]]


def proportion(outcomes: list[bool]) -> float:
    """Share of true outcomes; NaN of none."""
    return sum(outcomes) / len(outcomes) if outcomes else math.nan


def memorization(mask: Bits, train: Bits) -> list[float]:
    """Algorithm 1, line 5."""
    scores = []
    for i in range(len(mask[0])):
        seen = [train[k][i] for k in range(len(mask)) if mask[k][i]]
        held_out = [train[k][i] for k in range(len(mask)) if not mask[k][i]]
        scores.append(proportion(seen) - proportion(held_out))
    return scores


def influence(mask: Bits, test: Bits) -> list[list[float]]:
    """Algorithm 1, line 7: [train][test]."""
    scores = []
    for i in range(len(mask[0])):
        row = []
        for j in range(len(test[0])):
            seen = [test[k][j] for k in range(len(mask)) if mask[k][i]]
            held_out = [test[k][j] for k in range(len(mask)) if not mask[k][i]]
            row.append(proportion(seen) - proportion(held_out))
        scores.append(row)
    return scores


def heldout_accuracy(mask: Bits, train: Bits) -> list[float]:
    """The second term of memorization."""
    return [proportion([train[k][i] for k in range(len(mask)) if not mask[k][i]]) for i in range(len(mask[0]))]


def standard_error(seen: list[bool], held_out: list[bool]) -> float:
    """Agresti & Caffo 2000: one success and one failure more on each side."""
    if not seen or not held_out:
        return math.nan
    variance = 0.0
    for outcomes in (seen, held_out):
        n = len(outcomes) + 2
        p = (sum(outcomes) + 1) / n
        variance += p * (1 - p) / n
    return math.sqrt(variance)


def memorization_standard_error(mask: Bits, train: Bits) -> list[float]:
    """One `standard_error` for each train example."""
    return [
        standard_error(
            [train[k][i] for k in range(len(mask)) if mask[k][i]],
            [train[k][i] for k in range(len(mask)) if not mask[k][i]],
        )
        for i in range(len(mask[0]))
    ]


def influence_standard_error(mask: Bits, test: Bits) -> list[list[float]]:
    """One `standard_error` for each pair."""
    return [
        [
            standard_error(
                [test[k][j] for k in range(len(mask)) if mask[k][i]],
                [test[k][j] for k in range(len(mask)) if not mask[k][i]],
            )
            for j in range(len(test[0]))
        ]
        for i in range(len(mask[0]))
    ]


def pairs(
    mask: Bits,
    train: Bits,
    test: Bits,
    train_labels: Sequence[int],
    test_labels: Sequence[int],
    *,
    mem: float,
    infl: float,
    same_label: bool,
) -> list[tuple[int, int, float, float]]:
    """Section 2: (train, test, influence, memorization) by descending influence, then by positions."""
    memorized, influences = memorization(mask, train), influence(mask, test)
    pairs = [
        (i, j, influences[i][j], memorized[i])
        for i in range(len(train_labels))
        for j in range(len(test_labels))
        if memorized[i] >= mem and influences[i][j] >= infl and (not same_label or train_labels[i] == test_labels[j])
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))
