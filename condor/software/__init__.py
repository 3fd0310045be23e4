"""Set up HTCondor, Apptainer and images on a machine without root."""
