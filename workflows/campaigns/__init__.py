"""Campaigns: the scans of many events in one DAG."""
