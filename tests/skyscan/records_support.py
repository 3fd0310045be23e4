"""skyscan's icetray reconstructions with the stand-in, to compare with upstream's records."""

from pathlib import Path

import pytest

from skyscan.events.source import Source
from skyscan.icetray import reco
from skyscan.icetray.frames import write_frames
from skyscan.icetray.prepared import Prepared, seed_in
from skyscan.recos import reco_class

RECOS = ("millipede_original", "millipede_wilks", "splinempe", "splinempe_pointed")
FORMATS = {"2021a": "SplitUncleanedInIcePulses", "2023a": "SplitInIcePulses"}


@pytest.fixture
def tables_by_bare_name(monkeypatch):
    """Pretend that every data file exists under its bare name, as the records do."""
    monkeypatch.delenv("I3_BUILD", raising=False)
    monkeypatch.delenv("SKYSCAN_MINI_TEST", raising=False)
    monkeypatch.setattr(reco, "stage", lambda _store, name: Path(name))


def prepared_folder(stand_in, folder, key, *, light=True):
    """Write the output of prep for the made-up event; return its physics frame."""
    packet = stand_in.pixel_scenarios.prepared_packet(key, light=light)
    seed = seed_in(packet[-1], Source(Path("event.json"), is_real_event=True))
    write_frames(folder / reco.PACKET_FILE, packet)
    Prepared(baseline=None, gcd_dir=None, seed=seed).write(folder)
    return packet[-1]


def ready(stand_in, name, version, folder):
    """Return a reconstruction of skyscan that is set up, and its services."""
    made_reco = reco_class(name)(version)
    prepared_folder(stand_in, folder, FORMATS[version])
    with stand_in.recording.recorded() as made:
        made_reco.setup(folder)
    return made_reco, [stand_in.recording.plain(service) for service in made.services]
