"""Sharing chunks between processes, and reading their progress back."""

import io

from hypothesis import given
from hypothesis import strategies as st

from mempipe.runs import Span, missing_chunks
from mempipe.steps.progress import LineReporter, parse_progress
from mempipe.steps.workers import share


@given(
    committed=st.lists(st.integers(0, 19), unique=True, max_size=15),
    n_workers=st.integers(1, 6),
    chunk_size=st.integers(1, 7),
)
def test_every_missing_chunk_goes_to_exactly_one_worker(committed: list[int], n_workers: int, chunk_size: int) -> None:
    done = [Span(c * chunk_size, (c + 1) * chunk_size) for c in committed]
    chunks = missing_chunks(done, Span(0, 20 * chunk_size), chunk_size=chunk_size)
    spans = share(chunks, n_workers)
    assert len(spans) <= n_workers
    for chunk in chunks:
        assert sum(span.start <= chunk.start and chunk.stop <= span.stop for span in spans) == 1
    work = [sum(len(c) for c in chunks if span.start <= c.start < span.stop) for span in spans]
    assert max(work) - min(work) <= 2 * chunk_size


def test_progress_lines_are_read_back() -> None:
    stream = io.StringIO()
    reporter = LineReporter(stream)
    with reporter.stage("training", total=50, unit="trials") as advance:
        advance(12.5)
    reporter.note("done 1 of 2")
    lines = stream.getvalue().splitlines()
    assert parse_progress(lines[0]) == ("training", 12.5, 50.0)
    assert parse_progress(lines[1]) is None
