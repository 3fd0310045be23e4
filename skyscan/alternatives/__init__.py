"""Whether a best fit as one track through the detector is the right hypothesis for an event."""
