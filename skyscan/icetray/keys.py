"""Frame keys that a scan writes, as icecube/skymap_scanner names them (config.py)."""

SEED_POSITION = "SeedVertexPos"
SEED_TIME = "SeedVertexTime"
SEED_PARTICLE = "MillipedeSeedParticle"
FALLBACK_PARTICLE = "MillipedeSeedParticle_fallback"

NSIDE = "SCAN_HealpixNSide"
PIXEL = "SCAN_HealpixPixel"
VARIATION = "SCAN_PositionVariationIndex"

HEADER = "I3EventHeader"
GEOMETRY = "I3Geometry"
BAD_DOMS = "BadDomsList"
