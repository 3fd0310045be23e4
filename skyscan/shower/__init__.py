"""The open reconstruction of one shower: its light from a table, the hits' charge and times."""
