"""The steps of a scan rendered to HTCondor's DAGMan."""
