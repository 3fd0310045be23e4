"""Submit descriptions: hostile values are unchanged when HTCondor's own parser reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condor.submit import quoted_arguments, quoted_environment, submit_lines
from skyscan.errors import WrongUsage

htcondor2 = pytest.importorskip("htcondor2", reason="needs HTCondor's Python bindings")

HOSTILE = {
    "SKYSCAN_A": 'it\'s "quoted"',
    "SKYSCAN_B": "$(HOME) $ENV(PATH) $F(x) 100% $",
    "SKYSCAN_C": "a;b,c=d|e&f>g`h`",
    "SKYSCAN_D": "",
    "SKYSCAN_E": "tab\tand  two spaces ",
    "SKYSCAN_F": "back\\slash\\",
    "SKYSCAN_G": "'",
    "SKYSCAN_H": '"',
    "SKYSCAN_I": "''\"\"''",
    "SKYSCAN_J": "# no comment, ünicode",
    "SKYSCAN_K": "queue 5",
}


def words_of(quoted):
    """Split HTCondor's new syntax: the outer quotes, then words, then ' around blanks."""
    assert quoted[0] == quoted[-1] == '"'
    inner = quoted[1:-1]
    assert '"' not in inner.replace('""', "")
    text, words, word, inside, i = inner.replace('""', '"'), [], None, False, 0
    while i < len(text):
        character = text[i]
        if character == "'" and inside and text[i + 1 : i + 2] == "'":
            word, i = word + "'", i + 1
        elif character == "'":
            inside, word = not inside, word or ""
        elif character in " \t" and not inside:
            words, word = words + [word] * (word is not None), None
        else:
            word = (word or "") + character
        i += 1
    assert not inside
    return words + [word] * (word is not None)


def expanded(description, key):
    """Return HTCondor's expansion of one command of a submit file."""
    text = "\n".join(submit_lines({"executable": "/bin/true", **description}))
    return htcondor2.Submit(text).expand(key)


def test_hostile_values_reach_the_job_unchanged():
    lines = expanded({"environment": quoted_environment(HOSTILE)}, "environment")
    assert words_of(lines) == [f"{name}={value}" for name, value in HOSTILE.items()]


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]) | st.just("\t"))


@given(st.dictionaries(st.from_regex(r"SKYSCAN_[A-Z]{1,8}", fullmatch=True), TEXT))
def test_any_printable_environment_survives_or_is_refused(environment):
    try:
        quoted = quoted_environment(environment)
    except WrongUsage:
        assert any("$$" in v or "$(dollar)" in v.lower() for v in environment.values())
        return
    expected = [f"{name}={value}" for name, value in sorted(environment.items())]
    assert words_of(expanded({"environment": quoted}, "environment")) == expected


@pytest.mark.parametrize("value", ["$$", "a$$(X)b", "$$[1+1]", "$(DOLLAR)", "$(Dollar)x"])
def test_values_that_a_submit_file_cannot_represent_are_refused_by_name(value):
    with pytest.raises(WrongUsage, match="SKYSCAN_X"):
        quoted_environment({"SKYSCAN_X": value})


def test_arguments_keep_blanks_and_quotes_and_macros_are_expanded():
    arguments = ("reco", "a b", "it's", 'q"q', "", "$(batch).npz", "x;y", "\\")
    description = {"arguments": quoted_arguments(arguments), "batch": "00007"}
    found = words_of(expanded(description, "arguments"))
    assert found == ["reco", "a b", "it's", 'q"q', "", "00007.npz", "x;y", "\\"]


@pytest.mark.parametrize("character", ["\n", "\r", "\0"])
@pytest.mark.parametrize("place", ["key", "value"])
def test_a_line_break_does_not_start_another_command(character, place):
    key, value = "output", "x"
    hostile = f"y{character}executable = /bin/rm"
    description = {hostile: value} if place == "key" else {key: hostile}
    with pytest.raises(WrongUsage, match="line break"):
        submit_lines(description)


def test_a_submit_file_consists_of_its_commands_and_one_queue():
    assert submit_lines({"a": "1", "b": "x y"}) == ["a = 1", "b = x y", "queue"]
