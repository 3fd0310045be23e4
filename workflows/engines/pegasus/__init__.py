"""The steps of a scan rendered for Pegasus: catalogs and nested workflows."""
