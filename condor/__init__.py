"""Work with HTCondor: submit descriptions, sites, the personal pool, DAGMan's logs."""
