"""A run in its store: the record that later steps read, the chunk grid, and what is still missing."""

from mempipe.places import shard_key, sidecar_key
from mempipe.runs.campaign import Campaign, Goal, goal_of, plan_campaign, plan_repairs
from mempipe.runs.plan import Plan, missing_chunks, plan_tasks, read_plan, write_plan
from mempipe.runs.run import DataInfo, Labels, Run, RunRecord, ShardRef, find_run, open_run, register_run, run_id
from mempipe.spans import Span

__all__ = [
    "Campaign",
    "DataInfo",
    "Goal",
    "Labels",
    "Plan",
    "Run",
    "RunRecord",
    "ShardRef",
    "Span",
    "find_run",
    "goal_of",
    "missing_chunks",
    "open_run",
    "plan_campaign",
    "plan_repairs",
    "plan_tasks",
    "read_plan",
    "register_run",
    "run_id",
    "shard_key",
    "sidecar_key",
    "write_plan",
]
