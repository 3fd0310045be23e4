"""Reports of scans that have ended: values, text, storage, writing."""
