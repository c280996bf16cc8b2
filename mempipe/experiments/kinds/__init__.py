"""The experiments, one a file; the contract is `mempipe.experiments.registry.Experiment`."""
