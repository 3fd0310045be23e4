"""The open track reconstruction: pulses, the model of a track, and the search for it."""
