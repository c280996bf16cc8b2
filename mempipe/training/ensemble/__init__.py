"""The vectorized trainer: many small models at once in one compiled loop."""
