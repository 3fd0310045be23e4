import pytest

from skyscan.job.ad import JOB_AD_VARIABLE, place_of_output

AD = """Args = ""
{here}
OrigIwd = "{folder}"
OriginalOut = "rounds/000/logs/00000.0.0.out"
Out = "_condor_stdout"
"""


@pytest.fixture
def job_ad(monkeypatch, tmp_path):
    def write(folder: object, here: str = "SkyscanOutputIsHere = true") -> None:
        path = tmp_path / ".job.ad"
        path.write_text(AD.format(folder=folder, here=here))
        monkeypatch.setenv(JOB_AD_VARIABLE, str(path))

    return write


def test_the_output_is_where_the_job_was_submitted(job_ad, tmp_path):
    job_ad(tmp_path)
    assert place_of_output() == tmp_path / "rounds/000/logs/00000.0.0.out"
    job_ad('/it\'s a \\"scan\\"')
    assert str(place_of_output()) == '/it\'s a "scan"/rounds/000/logs/00000.0.0.out'


@pytest.mark.parametrize("here", ["", "SkyscanOutputIsHere = false", "Has = true"])
def test_the_output_of_a_job_on_another_machine_is_not_visible(job_ad, tmp_path, here):
    job_ad(tmp_path, here)
    assert place_of_output() is None


def test_a_process_that_is_not_a_job_has_no_output(monkeypatch, tmp_path):
    monkeypatch.delenv(JOB_AD_VARIABLE, raising=False)
    assert place_of_output() is None
    monkeypatch.setenv(JOB_AD_VARIABLE, str(tmp_path / "none"))
    assert place_of_output() is None
