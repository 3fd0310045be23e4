"""The scan model: all that is known of a scan, from its logs and result files alone.

`reading.read_model` makes it, and everything that says something about a scan renders it.
"""
