"""The paper's experiments on a release, some of which train further models. Each file in `kinds/` defines one."""
