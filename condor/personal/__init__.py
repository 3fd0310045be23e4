"""The personal pool: the user's own HTCondor pool on this machine, without root."""
