"""Scores from packed predictions: count (exact integers), then estimate, uncertainty and pairs.

`trials`, `blocks` and `tally` are the nouns; `count` makes tallies (and is the only way to numba, through `kernels`);
`estimate`, `uncertainty` and `pairs` read them. Nothing is imported here, so that a reader of scores needs only numpy.
"""
