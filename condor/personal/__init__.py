"""The personal pool: an HTCondor of the user's own on this machine, without root."""
