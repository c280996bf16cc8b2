"""The command line: the only place that ends the process."""
