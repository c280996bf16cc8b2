"""The general trainer: any Keras model, one trial after the other, with checkpoints."""
