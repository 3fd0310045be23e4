"""The processes of a reco job: a supervisor that keeps the results and a worker that fits."""
