"""What is said of each diagnostic code, beside the finding itself."""

from sigma2hive.diagnostics import CODES
from sigma2hive.reports.codes import code_help


def test_every_code_and_no_other_is_explained() -> None:
    assert list(code_help()) == sorted(CODES)


def test_both_parts_are_whole_sentences() -> None:
    texts = [text for about in code_help().values() for text in (about.why, about.mend)]
    assert [text for text in texts if not text.endswith((".", ")"))] == []
