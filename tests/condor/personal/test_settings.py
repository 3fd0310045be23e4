"""The settings of the personal pool."""

import os
import socket

import pytest

from condor.personal import settings
from skyscan.errors import WrongUsage


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


def test_the_number_of_cores_is_that_of_the_variable_or_of_the_process(monkeypatch):
    monkeypatch.setenv(settings.CPUS_VARIABLE, "7")
    assert settings._machine()["NUM_CPUS"] == "7"
    monkeypatch.setenv(settings.CPUS_VARIABLE, "")
    assert settings.cores() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("text", ["abc", "0", "-1", "1e3", "2\nSTART=1", "²", " ", "9" * 20])
def test_what_is_no_number_of_cores_is_wrong_usage(text, monkeypatch):
    monkeypatch.setenv(settings.CPUS_VARIABLE, text)
    with pytest.raises(WrongUsage, match=settings.CPUS_VARIABLE):
        settings.cores()
