"""Opens and lists the runs, releases, results and requests of a store, by the names in `mempipe.places`."""
