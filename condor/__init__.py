"""Run things on HTCondor: submit descriptions, sites, the personal pool, DAGMan logs."""
