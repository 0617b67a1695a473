import json

import pytest

from viz.text import dot_text, html_text, mermaid_text, number, script_json, visible

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--",
    "\"quoted\" and 'quoted'",
    "two\nlines\r\n\ttabbed",
    "back\\slash \\N \\G \\",
    "&amp; &lt; &#65;",
    "emoji 😀 and é",
    "\x00\x1b[31m\x7f\u202e\u2028\ud800\uffff",
    "x" * 10_000,
    "<b>bold</b>",
    "",
]


def test_a_label_becomes_one_printable_line_of_bounded_length():
    for label in HOSTILE:
        shown = visible(label)
        assert len(shown) <= 32
        assert not any(c in shown for c in "\n\r\t\x00\x1b\u202e\u2028\ud800\uffff")


def test_a_short_plain_label_is_left_as_it_is():
    assert visible("w12") == "w12"
    assert visible("émile 😀") == "émile 😀"


def test_a_long_label_keeps_both_its_ends():
    shown = visible("begin" + "-" * 1000 + "end")
    assert shown.startswith("begin")
    assert shown.endswith("end")
    assert "…" in shown


@pytest.mark.parametrize("label", HOSTILE)
def test_html_text_has_no_character_with_a_meaning(label):
    assert not set(html_text(label)) & set("<>\"'")


@pytest.mark.parametrize("label", HOSTILE)
def test_json_in_a_script_cannot_close_it_and_reads_back_equal(label):
    text = script_json({"label": label})
    assert not set(text) & set("<>&")
    assert text.isascii()
    assert json.loads(text)["label"] == label


def test_json_refuses_numbers_that_are_not_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json(float("nan"))


@pytest.mark.parametrize("label", HOSTILE)
def test_dot_text_takes_the_meaning_from_backslashes_and_entities(label):
    text = dot_text(label, None)
    assert text.replace("\\\\", "").count("\\") == 0
    assert text.count("&") == text.count("&amp;")


@pytest.mark.parametrize("label", HOSTILE)
def test_mermaid_text_holds_no_markup(label):
    assert not set(mermaid_text(label)) & set("<>\"'`&[]{}|\n\\")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0, "-0"),
        (1 / 3, "0.3333"),
        (1e20, "1e+20"),
        (float("nan"), "NaN"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers_have_four_significant_digits_and_absence_is_a_dash(value, text):
    assert number(value) == text


def test_the_number_of_digits_can_be_chosen():
    assert number(1 / 3, 7) == "0.3333333"
