"""CSV text, read back."""

import csv
import io

import pytest

from stages.core.csvtext import csv_text


@pytest.mark.parametrize("name", ["a,b", 'a"b', "a\nb", "a\rb", "a\r\nb", "a\r\n", " a ", "", "\u2028"])
def test_names_come_back_as_they_were(name: str) -> None:
    text = csv_text(["path", "n"], [(name, 1), ("z", 2)])
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == [["path", "n"], [name, "1"], ["z", "2"]]


def test_lines_end_in_a_line_feed() -> None:
    assert csv_text(["a", "b"], [(1, "x")]) == "a,b\n1,x\n"
