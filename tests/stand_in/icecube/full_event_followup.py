"""i3live's messages."""


def i3live_json_to_frame_packet(_message, pnf_framing=True):
    """Refuse: the stand-in reads no event."""
    raise RuntimeError(f"the stand-in of icetray reads no event ({pnf_framing=})")
