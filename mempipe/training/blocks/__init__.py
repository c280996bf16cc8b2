"""Parts that several models share; models themselves are the files of `mempipe/training/models/`."""
