"""The open track reconstruction: pulse cleaning, the model of a track, and its fit."""
