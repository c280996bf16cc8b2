"""Trains models on subsets: the only package that uses TensorFlow; importing it does not load TensorFlow."""
