"""Checks before a scan is submitted."""
