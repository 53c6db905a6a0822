"""The folding table: the same everywhere, one code point to one, ASCII apart from the rest."""

import pytest

from sigma2hive.model.folding import fold, folding_table


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("POWERSHELL", "powershell"),
        ("ÄÖÜ", "äöü"),
        ("ПРИВЕТ", "привет"),
        ("ΑΣ", "ας"),  # final sigma folds to sigma, wherever it stands
        ("ẞ", "ß"),
        ("µ", "μ"),
    ],
)
def test_letters_that_differ_only_in_case_fold_alike(upper: str, lower: str) -> None:
    assert fold(upper) == fold(lower)


@pytest.mark.parametrize("character", ["\u212a", "ſ", "İ", "ı"])
def test_no_character_outside_ascii_becomes_an_ascii_letter(character: str) -> None:
    # The Kelvin sign is not k and the long s is not s for Elasticsearch, so neither for us.
    assert not fold(character).isascii()


def test_folding_keeps_the_length_and_is_stable() -> None:
    everything = "".join(map(chr, range(0x20000)))
    folded = fold(everything)
    assert len(folded) == len(everything)
    assert fold(folded) == folded


def test_lone_surrogates_pass() -> None:
    assert fold("A\ud800B") == "a\ud800b"


def test_the_ascii_shortcut_is_the_table() -> None:
    for code in range(128):
        assert ord(fold(chr(code))) == folding_table().get(code, code)
