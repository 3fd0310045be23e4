"""What events are packed in: compression, archives, pickles and the i3live envelope."""
