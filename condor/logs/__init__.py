"""What the logs of DAGMan, its scripts and its jobs say."""
