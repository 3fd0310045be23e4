"""What planning a scan takes: values, files and checks that nothing else needs."""
