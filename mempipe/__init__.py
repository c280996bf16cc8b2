"""Memorization and influence scores of neural networks (Feldman & Zhang 2020), computed and published."""

__version__ = "0.1.0"
