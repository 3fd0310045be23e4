"""The steps of a scan rendered for HTCondor's DAGMan."""
