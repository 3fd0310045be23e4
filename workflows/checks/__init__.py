"""What is looked at before a scan is handed over."""
