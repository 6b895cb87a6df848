"""The comparison of two runs: what counts as the same, and what is named."""

import numpy as np

from stages.tables import write_partitions
from tests.same_outputs import main


def _project(folder, labels, settings, score):
    write_partitions(folder / "data/partitions/d/x.parquet", {"run": np.array(labels)}, {"run": settings}, "these")
    (folder / "metrics").mkdir(parents=True)
    (folder / "metrics/score.csv").write_text(score)
    (folder / "data/scratch").mkdir()
    (folder / "data/scratch/rest").write_text(str(folder))
    return folder


def test_results_are_compared_by_content_and_metadata_by_key(tmp_path, capsys):
    before = _project(tmp_path / "a", [0, 1], {"least": 0.1, "seed": 1}, "1\n")
    renamed = _project(tmp_path / "b", [0, 1], {"fraction": 0.1, "seed": 1}, "1\n")
    assert main(before, renamed) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 of 2 files have the same bytes, 1 the same content"
    assert [line.partition(" in ")[0] for line in lines[1:]] == [
        "metadata: fraction (after only)",
        "metadata: least (before only)",
    ]
    changed = _project(tmp_path / "c", [1, 1], {"least": 0.1, "seed": 2}, "2\n")
    (changed / "metrics/more.csv").touch()
    assert main(before, changed) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "only after: metrics/more.csv",
        "differs: data/partitions/d/x.parquet",
        "differs: metrics/score.csv",
    ]
