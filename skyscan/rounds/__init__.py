"""The rounds of a scan: choose the next pixels from the results of earlier rounds."""
