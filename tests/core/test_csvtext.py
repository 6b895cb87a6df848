"""CSV text, read back."""

import csv
import io

import pytest

from stages.core.csvtext import csv_text, text_of_cell


@pytest.mark.parametrize("name", ["a,b", 'a"b', "a\nb", "a\rb", "a\r\nb", "a\r\n", " a ", "", "\u2028"])
def test_names_come_back_as_they_were(name: str) -> None:
    text = csv_text(["path", "n"], [(name, 1), ("z", 2)])
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == [["path", "n"], [name, "1"], ["z", "2"]]


def test_lines_end_in_a_line_feed() -> None:
    assert csv_text(["a", "b"], [(1, "x")]) == "a,b\n1,x\n"


FORMULAS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-rf.png",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "-",
    "+3",
    "-1.5.png",
    "'=x",
    "''-x",
]


@pytest.mark.parametrize("name", [*FORMULAS, "'tis", "'", "", "-0.5", "a=b", "1-2"])
def test_no_text_is_a_formula_to_a_spreadsheet_and_all_come_back(name: str) -> None:
    (line,) = csv.reader(io.StringIO(csv_text([name, "x"], []), newline=""), strict=True)
    assert text_of_cell(line[0]) == name
    assert line[0] == (f"'{name}" if name in FORMULAS else name)


def test_numbers_stay_numbers() -> None:
    assert (
        csv_text(["a"], [[-0.5], [-3], ["-0.500000"], ["-1e-05"], [None]])
        == 'a\n-0.5\n-3\n-0.500000\n-1e-05\n""\n'
    )
