"""Cleaning of pulses by space and time."""
