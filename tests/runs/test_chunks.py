"""Planning: exactly the missing trials, on the chunk grid, in a bounded number of tasks."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mempipe.places import parse_shard_key, shard_key
from mempipe.runs import Span, missing_chunks, plan_tasks
from mempipe.runs.plan import MAX_TASKS


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(st.integers(0, 120))
    return Span(start, start + draw(st.integers(1, 40)))


@given(committed=st.lists(spans(), max_size=8), trials=spans(), chunk_size=st.integers(1, 30))
def test_missing_chunks_are_the_missing_trials(committed: list[Span], trials: Span, chunk_size: int) -> None:
    chunks = missing_chunks(committed, trials, chunk_size=chunk_size)
    missing = [trial for chunk in chunks for trial in range(*chunk)]
    present = {trial for span in committed for trial in range(*span)}
    assert missing == [trial for trial in range(*trials) if trial not in present]
    assert all(len(chunk) > 0 and chunk.start // chunk_size == (chunk.stop - 1) // chunk_size for chunk in chunks)


@given(
    committed=st.lists(spans(), max_size=8),
    chunk_size=st.integers(1, 30),
    task_size=st.integers(1, 4),
)
def test_tasks_cover_each_missing_chunk_once(committed: list[Span], chunk_size: int, task_size: int) -> None:
    chunks = missing_chunks(committed, Span(0, 150), chunk_size=chunk_size)
    (tasks,) = plan_tasks([chunks], [chunk_size * task_size])
    for chunk in chunks:
        assert sum(task.start <= chunk.start and chunk.stop <= task.stop for task in tasks) == 1
    assert tasks == sorted(tasks)
    assert all(first.stop <= second.start for first, second in pairwise(tasks))


def test_a_large_plan_has_longer_tasks_instead_of_more() -> None:
    """Of all runs alike: where they have 10,000 and 500 chunks, 16 chunks make a task of each."""
    missing = [missing_chunks([], Span(0, n), chunk_size=1) for n in (10_000, 500)]
    many, few = plan_tasks(missing, [1, 1])
    assert len(many) + len(few) <= MAX_TASKS
    assert {len(task) for task in (*many, *few[:-1])} == {16}
    assert [sum(len(task) for task in tasks) for tasks in (many, few)] == [10_000, 500]


def test_more_runs_than_tasks_have_one_task_each() -> None:
    assert plan_tasks([[Span(0, 1), Span(1, 2)]] * (MAX_TASKS + 1), [1] * (MAX_TASKS + 1)) == (
        [[Span(0, 2)]] * (MAX_TASKS + 1)
    )


def test_shard_names_round_trip() -> None:
    for span in (Span(0, 50), Span(420, 440), Span(999_990, 1_000_050)):
        assert parse_shard_key(shard_key(span)) == span
    assert shard_key(Span(420, 440)) == "shards/trials=000420-000439.npz"
    for key in ("shards/x.npz", "shards/trials=000005-000004.npz", "shards/trials=000001-000002.npz.part"):
        assert parse_shard_key(key) is None
