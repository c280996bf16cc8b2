"""The steps of the pipeline. Each is idempotent: it skips the work that the store already holds."""
