"""Killed at any moment, an extraction goes on where it was and ends with the same bytes. Spread, too."""

import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.tables import read_vectors
from tests.backbones.tiny import tiny_images
from tests.datasets.images import png
from tests.extraction import prepare, prepare_images, row_groups, table

N_IMAGES, ROWS = 1500, 64
KILLS = 20


def _extract(folder, done):
    """In a process of its own: run the stage with small shards, counting the images that came through."""
    from contextlib import contextmanager

    import stages.backbones.shards
    import stages.extract

    @contextmanager
    def counting(*_):
        yield lambda count: setattr(done, "value", done.value + count)

    os.chdir(folder)
    os.environ["MANYVIEWS_CACHE"] = str(folder / "cache")
    stages.backbones.shards._MOST_ROWS = ROWS
    stages.extract.progress_bar = counting
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - until the process ends
    stages.extract.extract("d", "tiny", precision="fp32")


@pytest.fixture(scope="module")
def start():
    """Start the stage in a new process that has PyTorch loaded already; return it and its count."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["torch", "timm", "stages.extract", "stages.backbones.extraction", "stages.backbones.shards", "tests"]
    )

    def run(folder):
        done = context.Value("i", 0, lock=False)
        process = context.Process(target=_extract, args=(folder, done))
        process.start()
        return process, done

    return run


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    """The bytes of a run from beginning to end, and its seconds."""
    folder = tmp_path_factory.mktemp("undisturbed")
    prepare(folder, N_IMAGES)
    start(folder)[0].join()  # the server, from which processes are forked, loads PyTorch
    shutil.rmtree(folder / "data/scratch")
    began = time.perf_counter()
    process, done = start(folder)
    process.join()
    assert process.exitcode == 0
    assert done.value == N_IMAGES
    return table(folder).read_bytes(), time.perf_counter() - began


def _shards(folder):
    return len(list((folder / "data/scratch").rglob("[0-9]*.safetensors")))


def test_killed_at_twenty_random_times(start, undisturbed, tmp_path):
    expected, seconds = undisturbed
    chance = random.Random(0)
    prepare(tmp_path, N_IMAGES)
    kills = most_shards = 0
    while kills < KILLS:
        before = _shards(tmp_path)
        process, done = start(tmp_path)
        process.join(timeout=chance.uniform(0.1, 0.9) * seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            kills += 1
            computed, kept = done.value // ROWS, _shards(tmp_path) - before
            finished = table(tmp_path).exists()
            assert finished or computed - kept <= 1, "more than one finished shard was lost"
            assert not finished or table(tmp_path).read_bytes() == expected
            most_shards = max(most_shards, _shards(tmp_path))
        else:
            assert process.exitcode == 0
            assert table(tmp_path).read_bytes() == expected
            assert done.value <= N_IMAGES - before * ROWS + ROWS
        if table(tmp_path).exists():  # the next run starts from nothing, without the features that this one kept
            table(tmp_path).unlink()
            shutil.rmtree(tmp_path / "data/scratch", ignore_errors=True)
    process, _ = start(tmp_path)
    process.join()
    assert table(tmp_path).read_bytes() == expected
    assert most_shards > 1, "no kill came between two shards"
    assert _shards(tmp_path) == 0


def _run_script(folder: Path, *command: str, **environment: str) -> None:
    root = Path(__file__).parents[1]
    environment = os.environ | {
        "PYTHONPATH": str(root),
        "MANYVIEWS_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_processes_of_torchrun_give_the_same_bytes(tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    for folder in (alone, together):
        prepare(folder, 2100)
    options = ("stages.extract", "--dataset", "d", "--backbone", "tiny", "--precision", "fp32")
    _run_script(alone, *options)
    _run_script(together, "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", *options)
    assert table(together).read_bytes() == table(alone).read_bytes()
    assert row_groups(table(alone)) == [2100]
    prepare_images(together, [png((1, 2, number), (40, 40)) for number in range(5)] + tiny_images(2100))
    _run_script(together, "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", *options)
    assert json.loads((together / "logs/extract-d-tiny.json").read_text())["computed"] == 5
    grown = read_vectors(table(together), "features").values
    assert grown[5:].tobytes() == read_vectors(table(alone), "features").values.tobytes()
