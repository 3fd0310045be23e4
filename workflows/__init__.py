"""The graph of steps of a scan, its renderings, and the command line."""
