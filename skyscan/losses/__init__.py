"""The open reconstruction of losses along a track: many showers, and the muon's light."""
