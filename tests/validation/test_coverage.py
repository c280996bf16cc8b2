"""Each trial is taken once, from the first shard that holds it."""

from hypothesis import given
from hypothesis import strategies as st

from mempipe.runs import ShardRef, Span, shard_key
from mempipe.storage import ObjectInfo
from mempipe.validation.report import overlapping, trial_rows

SPANS = st.tuples(st.integers(0, 30), st.integers(1, 12)).map(lambda pair: Span(pair[0], pair[0] + pair[1]))


def refs(spans: set[Span]) -> list[ShardRef]:
    return [ShardRef(span, ObjectInfo(shard_key(span), 1, "g")) for span in spans]


@given(spans=st.sets(SPANS, max_size=6), trials=SPANS)
def test_against_a_plain_loop(spans: set[Span], trials: Span) -> None:
    oracle = {}
    for trial in range(*trials):
        for span in sorted(spans):
            if span.start <= trial < span.stop:
                oracle[trial] = span
                break
    parts = trial_rows(refs(spans), trials)
    assert [(trial, ref.span) for ref, rows in parts for trial in range(*rows)] == sorted(oracle.items())
    assert {ref.span for ref in overlapping(refs(spans), trials)} == {
        span for span in spans if set(range(*span)) & set(range(*trials))
    }
