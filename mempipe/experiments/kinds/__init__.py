"""The experiments, one in each file; their interface is `mempipe.experiments.registry.Experiment`."""
