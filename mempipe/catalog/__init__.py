"""Opens what `mempipe.places` names: the runs, releases, results and requests of a store."""
