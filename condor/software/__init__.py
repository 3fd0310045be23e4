"""HTCondor, Apptainer and images, put on a machine without root."""
