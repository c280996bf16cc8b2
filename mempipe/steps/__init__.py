"""The pipeline's steps, each a function that looks in the store for what is done, does the rest and can be repeated."""
