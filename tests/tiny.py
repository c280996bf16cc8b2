"""A spec of a few seconds, for tests that run the real pipeline."""

TINY = """
name: tiny
data: {name: digits}
model: {name: mlp, hidden: [12]}
recipe: {epochs: 6, batch_size: 64, learning_rate: 0.05}
trainer: {kind: ensemble, width: 10}
subsets: {design: uniform, ratio: 0.7}
seed: 11
trials: 40
chunk_size: 10
"""
