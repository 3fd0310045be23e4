"""The settings of the personal pool."""

import socket

from condor.personal import settings


def test_a_machine_without_ipv4_has_a_pool_on_its_ipv6_address(monkeypatch):
    assert settings._loopback()["NETWORK_INTERFACE"] == "127.0.0.1"

    def without_ipv4(family: int) -> socket.socket:
        raise OSError(97, f"no address family {family}")

    monkeypatch.setattr(settings.socket, "socket", without_ipv4)
    assert settings._loopback() == {
        "CONDOR_HOST": "[::1]",
        "NETWORK_INTERFACE": "::1",
        "ENABLE_IPV4": "False",
        "ENABLE_IPV6": "True",
    }
