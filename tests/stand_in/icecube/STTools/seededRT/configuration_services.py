"""The distances within which pulses are near."""

from icecube._services import Service as _Service


class I3DOMLinkSeededRTConfigurationService(_Service):
    pass
