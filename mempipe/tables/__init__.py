"""Every table that mempipe writes, as data: its columns, and what is made of them.

Writer, reader, expectation suites, quality table, Croissant metadata and docs/release-format.md follow from `schema`.
"""
