"""Importing icecube.spline_reco makes its modules and services known to trays."""
