"""Releases: write one from counts, publish it, read it.

`write` and `publish` make a release; `load` reads one; `tally_files` and `stored_tallies` keep counts between both.
Nothing is imported here, so that a reader of releases loads no more than it needs.
"""
