"""i3live's messages."""


def i3live_json_to_frame_packet(_message, pnf_framing=True):
    """Raise, because the stand-in reads no events."""
    raise RuntimeError(f"the stand-in of icetray reads no event ({pnf_framing=})")
