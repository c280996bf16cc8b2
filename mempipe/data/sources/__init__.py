"""One file for each data set: `Params`, its keys in a spec, and `load(params) -> Dataset`."""
