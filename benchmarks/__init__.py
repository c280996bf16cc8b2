"""Benchmarks: mempipe beside plain baselines written for it, as ratios of one run."""
