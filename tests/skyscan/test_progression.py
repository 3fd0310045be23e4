import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyscan.errors import ExitCode, WrongUsage
from skyscan.progression import DEFAULT_PROGRESSION, parse_progression


def test_words_are_parsed_as_nside_and_extension():
    assert parse_progression(["8:0", "64:12", "512:24"]) == DEFAULT_PROGRESSION
    assert parse_progression(["1:0"]) == ((1, 0),)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "empty"),
        (["8"], "NSIDE:EXTENSION"),
        (["8:"], "NSIDE:EXTENSION"),
        (["8:-1"], "NSIDE:EXTENSION"),
        (["\u0668:0"], "NSIDE:EXTENSION"),
        (["8:0", "64:1.5"], "NSIDE:EXTENSION"),
        (["8:0", ""], "NSIDE:EXTENSION"),
        (["12:0"], "power of two"),
        (["0:0"], "power of two"),
        (["32768:0"], "power of two"),
        (["9" * 5000 + ":0"], "NSIDE:EXTENSION"),
        (["8:0", "64:" + "9" * 400], "NSIDE:EXTENSION"),
        (["64:0", "8:12"], "ascend"),
        (["8:0", "8:12"], "ascend"),
        (["8:12", "64:12"], "must be 0"),
        (["8:0", "64:0"], "at least 1"),
    ],
)
def test_words_that_are_not_a_progression_are_wrong_usage(words, why):
    with pytest.raises(WrongUsage, match=why) as caught:
        parse_progression(words)
    assert caught.value.exit_code == ExitCode.WRONG_USAGE
    assert "\n" not in str(caught.value)


@given(st.lists(st.text(alphabet="0123456789:x- \u0663", max_size=6), max_size=4))
def test_any_words_are_parsed_or_refused(words):
    try:
        progression = parse_progression(words)
    except WrongUsage:
        return
    nsides = [nside for nside, _ in progression]
    assert nsides == sorted(set(nsides))
    assert [f"{nside}:{extension}" for nside, extension in progression] == [
        f"{int(word.partition(':')[0])}:{int(word.partition(':')[2])}" for word in words
    ]
