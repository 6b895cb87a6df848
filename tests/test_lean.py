"""Processes of stages load what they use: `dvc repro` starts 25 of them, and pays for a library as often."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.core.command import SPINS
from stages.core.memory import keep_freed
from stages.diagnosis import kernels

_TABLES = """
import numpy as np
from pathlib import Path
from stages.tables import read_images, read_partitions, read_vectors, write_partitions, write_vectors
images = read_images(Path("images.parquet"))
write_partitions(Path("partitions.parquet"), {"a": np.zeros(2, np.int32)}, {"a": {}}, images.fingerprint)
write_vectors(Path("vectors.parquet"), "features", [np.ones((2, 3), np.float32)], images.fingerprint, {})
assert read_partitions(Path("partitions.parquet")).labels["a"].tolist() == [0, 0]
assert read_vectors(Path("vectors.parquet"), "features").values.tolist() == [[1, 1, 1]] * 2
assert images.labels.tolist() == [0, -1]
"""
_TRAINING = "from stages.training.on_features import FEATURE_JOBS; from stages import train"


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        (_TABLES, {"pandas", "pyarrow.dataset", "sklearn", "torch"}),
        (_TRAINING, {"torch", "sklearn", "pandas", "numba"}),
        ("from stages import check_params, views, weights", {"torch", "sklearn", "scipy", "pandas", "numba"}),
    ],
    ids=["tables", "training", "small stages"],
)
def test_nothing_unwanted_is_loaded(tmp_path, code, unwanted):
    from stages.tables import Image, write_images

    images = [Image("a.png", b"a", 0, 1, 1), Image("b.png", b"b", None, 1, 1)]
    write_images(tmp_path / "images.parquet", images, ["cat"])
    code += f"\nimport sys\nprint(sorted({unwanted!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system does not list a process's threads")
def test_tables_are_read_without_threads_of_arrow_which_may_abort_the_process_as_it_ends(tmp_path):
    from stages.tables import Image, write_images

    images = [Image(f"{i}.png", b"a", i, 1, 1) for i in range(2)]
    write_images(tmp_path / "images.parquet", images, ["a", "b"])
    code = _TABLES.replace("[0, -1]", "[0, 1]")
    code = f"import os, pyarrow, numpy\nbefore = os.listdir('/proc/self/task')\n{code}"
    code += "assert sum(map(len, images.read_bytes())) == 2\nassert os.listdir('/proc/self/task') == before"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="this system does not list what is loaded")
def test_no_script_loads_openmp_before_it_is_set():
    scripts = [f"stages.{file.stem}" for file in sorted(Path("stages").glob("[a-z]*.py"))]
    code = f"import {', '.join(scripts)}\nprint('libgomp' in open('/proc/self/maps').read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, SPINS), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")],
    ids=["none given", "turns given", "policy given"],
)
def test_threads_of_openmp_soon_sleep_while_they_wait_unless_told_otherwise(given, spins):
    code = "from stages.core.command import application, run\nrun(application(lambda: print(__import__('torch'))))"
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**inherited, **given, "OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True,
        text=True,
        check=True,
    )
    if "GOMP_SPINCOUNT" not in done.stderr:
        pytest.skip("this PyTorch has another OpenMP than GNU's")
    assert f"GOMP_SPINCOUNT = '{spins}'" in done.stderr


def test_kernels_are_compiled_for_the_types_that_the_stages_call_them_with():
    from stages.clustering import find_algorithm
    from stages.clustering._agglomerative_kernels import chain_merges
    from stages.clustering._degree_merging import merge_best
    from stages.clustering._neighbour_kernels import select_nearest

    kernels.compile_kernels()
    before = [len(kernel.signatures) for kernel in (chain_merges, merge_best, select_nearest)]
    features = np.random.default_rng(0).random((60, 16), dtype=np.float32)
    for name in ("ward", "gdl:n_neighbors=10", "gdl:multiple=auto,n_neighbors=5,subspace=0.5"):
        find_algorithm(name).partition(features, 6, 0, 1)
    assert [len(kernel.signatures) for kernel in (chain_merges, merge_best, select_nearest)] == before


def test_compiling_starts_beside_the_stages_unless_this_code_is_compiled(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **streams: started.append(command))
    note = tmp_path / "kernels.txt"
    kernels.start_compiling(note)
    note.write_text("of other code\n")
    kernels.start_compiling(note)
    assert started == [[sys.executable, "-m", "stages.diagnosis.kernels", str(note)]] * 2
    note.write_text(kernels._digest())
    kernels.start_compiling(note)
    assert len(started) == 2


def test_nothing_is_compiled_beside_a_queued_experiment_whose_folder_dvc_removes(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda command, **streams: pytest.fail("started"))
    kernels.start_compiling(tmp_path / ".dvc/tmp/exps/tmp_1/stages/__pycache__/kernels.txt")


def test_where_no_process_can_be_had_the_stages_compile_by_themselves(tmp_path, monkeypatch):
    def refuse(command, **streams):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    kernels.start_compiling(tmp_path / "kernels.txt")


def test_memory_is_kept_where_the_c_library_can():
    keep_freed()  # no other library has such a function; nothing may come of it
