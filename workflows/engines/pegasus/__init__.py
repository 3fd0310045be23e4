"""The steps of a scan rendered to Pegasus: catalogs, and a workflow in workflows."""
