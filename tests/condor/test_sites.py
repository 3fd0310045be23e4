from importlib import resources

import pytest

from condor.runtimes import parse_runtime
from condor.sites import read_site, site_names
from skyscan.errors import WrongUsage


@pytest.mark.parametrize("name", site_names())
def test_every_profile_that_comes_along_is_whole(name):
    site = read_site(name)
    assert site.name == name
    assert site.summary
    assert site.jobs_per_round >= 0
    assert str(parse_runtime(site.runtime)) == site.runtime
    assert all(isinstance(value, str) for value in (site.submit | site.dagman).values())


def test_the_personal_pool_is_one_of_them():
    assert "personal" in site_names()


@pytest.mark.parametrize("name", ["nowhere", "../personal", "personal.toml", ""])
def test_a_name_that_is_none_is_refused_with_those_that_are(name):
    with pytest.raises(WrongUsage, match=r"There are: .*personal"):
        read_site(name)


def test_a_key_that_means_nothing_is_refused(tmp_path, monkeypatch):
    (tmp_path / "sites").mkdir()
    text = 'summary = "x"\njobs_per_round = 0\nsubmits = 1\n[submit]\n[dagman]'
    (tmp_path / "sites" / "mine.toml").write_text(text)
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    with pytest.raises(WrongUsage, match="mine: unknown key submits"):
        read_site("mine")
