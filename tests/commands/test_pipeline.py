"""What the pipeline's process writes to stderr, as it reaches the user."""

import os

import pytest

from stages.commands.pipeline import _Errors


@pytest.mark.parametrize("size", [1, 3, 7, 8, 1000])
def test_progress_and_lines_pass_in_any_pieces_and_errors_of_dvc_do_not(
    size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "1 %\r2 %\rERROR at all\nE\nERROR: failed\nüERROR: 🌻\nERROR: again\n99 %"
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        errors = _Errors(stream)
        content = text.encode()
        for start in range(0, len(content), size):
            os.write(writing, content[start : start + size])
        os.close(writing)
        errors.wait()
    assert capsys.readouterr().err == text.replace("ERROR: failed\n", "").replace("ERROR: again\n", "")
    assert errors._of_dvc == ["failed", "again"]
