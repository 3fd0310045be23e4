"""Pulse cleaning by space and time."""
