"""The sky of a map: its directions, its pieces, and 2 delta llh as a surface on it."""
