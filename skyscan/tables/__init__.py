"""Events that come as tables: CSV, Parquet and SQLite. Access point only.

Planning turns the event that is scanned into the project's own small event file
(`skyscan.events.event_json`), which is what jobs read.
"""
