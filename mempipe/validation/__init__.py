"""Decides which trials may be counted: our own invariants first, then Great Expectations over tables.

`invariants.check_shard` and `quarantine.quarantine` are light and used while training; `validate.validate_run` checks a
whole run; `suites.check_tables` checks any tables. Only `great` imports Great Expectations (8 s), when suites run.
"""
