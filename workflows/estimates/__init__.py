"""What a scan will take, by a discrete-event simulation of its workflow on a pool."""
