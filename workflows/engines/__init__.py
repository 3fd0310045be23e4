"""The engines that run a scan: DAGMan, and Pegasus in front of it."""
