"""The rounds of a scan: which pixels come next, and what earlier rounds have found."""
