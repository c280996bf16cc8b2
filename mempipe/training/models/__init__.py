"""One file for each model: `Params`, its keys in a spec; `misfit`, what params alone can tell; and `build`."""
