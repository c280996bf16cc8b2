"""The paper's experiments: what a release, or a few more trainings, tell. One file in `kinds/` defines one."""
