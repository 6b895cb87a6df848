"""Work on a Ray cluster of two nodes with one core each: the same bytes as here, even where a worker is lost."""

import os
import re
import shutil
import signal
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml

from stages import baseline, experiments, extract, train_images, train_sweep
from stages import train as train_stage
from stages.backbones import ray_cluster
from stages.core import engine
from stages.core.errors import ClusterError, TableError
from stages.tables import Image, read_images, write_images, write_vectors
from stages.training import apart, repeated
from tests.deep.conftest import blobs, project  # noqa: F401 - fixtures
from tests.deep.toy import FAST, arguments, outputs, write_parameters
from tests.drawings import write_drawings
from tests.extraction import prepare, table
from tests.test_experiments import CLASSES, lay_out
from tests.test_train_images import FAST as FAST_ON_IMAGES
from tests.test_train_images import outputs as outputs_on_images

pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """The cluster, for the stages that run here and for processes that a test starts."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        try:
            nodes.add_node(num_cpus=1)
            patch.setenv("RAY_ADDRESS", nodes.address)
            yield
        finally:
            nodes.shutdown()


def killer(marker):
    """Return a function that kills the process that calls it first, on whatever node, and no other."""

    def kill():
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def test_tasks_and_what_becomes_of_their_errors_and_warnings(tmp_path, monkeypatch):
    lost, absent = tmp_path / "lost", types.ModuleType("absent")
    kill = killer(lost)

    def product(left, right, number):
        if number == 1:
            kill()
        warnings.warn(f"number {number}", stacklevel=1)
        return float((left * right * number).sum()), left.flags.writeable

    def damaged(number):
        raise TableError(f"table {number} is damaged")

    ones = np.ones(200_000)
    with engine.tasks_on("ray") as map_tasks:
        with pytest.warns(UserWarning, match="number") as caught:
            found = list(map_tasks(product, range(4), ones, ones))
        assert found == [(200_000.0 * number, False) for number in range(4)]
        assert [str(warning.message) for warning in caught] == [f"number {number}" for number in range(4)]
        assert lost.exists()

        def refusal(*tasks, **needs):
            with pytest.raises(ClusterError) as caught:
                list(map_tasks(*tasks, **needs))
            return str(caught.value)

        with pytest.raises(TableError, match=r"^table 0 is damaged$"):
            list(map_tasks(damaged, range(3)))
        with pytest.raises(ZeroDivisionError):
            list(map_tasks(lambda number: 1 // number, [0]))
        assert refusal(len, [[]], cpus=2) == (
            "no node of the Ray cluster has the 2 CPUs that a task takes; add one, or set OMP_NUM_THREADS to fewer"
        )
        monkeypatch.setattr(engine, "RETRIES", 0)
        assert re.fullmatch(
            r"the Ray cluster lost a task \(The worker died .*\); run this again to go on", refusal(os._exit, [1])
        )
        monkeypatch.setitem(sys.modules, "absent", absent)
        absent.task = types.FunctionType(damaged.__code__, {}, "task")
        absent.task.__module__, absent.task.__qualname__ = "absent", "task"
        assert refusal(absent.task, [1]) == (
            "a node of the Ray cluster lacks a package (No module named 'absent'); "
            "install the same packages on every node"
        )
        ours = {**engine.versions(), "numpy": "0.1"}
        monkeypatch.setattr(engine, "versions", lambda: ours)
        assert re.fullmatch(
            rf"node \S+ of the Ray cluster has numpy {np.__version__}, this machine 0\.1; "
            "install the same packages on every node",
            refusal(len, [[]]),
        )


@pytest.mark.slow  # a node compiles the kernels
def test_the_baseline(workdir, shell, monkeypatch):
    file, chance = Path("data/images/d.parquet"), np.random.default_rng(0)
    write_images(file, [Image(f"{i}.png", b"%d" % i, i % 3, 4, 4) for i in range(60)], ["x", "y", "z"])
    values = chance.random((60, 50), dtype=np.float32) + 3 * np.eye(3, 50, dtype=np.float32)[np.arange(60) % 3]
    values[50:] = values[50]
    write_vectors(Path("data/features/d/a/L3.parquet"), "features", [values], read_images(file).fingerprint, {})
    partitions = Path("data/partitions/d/baseline/a.parquet")

    def made(*options):
        runs = [
            word for spec in ("kmeans:seeds=3", "ward", "gdl:n_neighbors=5") for word in ("--algorithms", spec)
        ]
        given = ("--dataset", "d", "--backbone", "a", "--n-clusters", "3", *runs)
        outcome = shell(baseline.app, *given, *options)
        assert (outcome.status, outcome.err) == (0, "")
        return partitions.read_bytes()

    alone = made()
    partitions.unlink()
    kill, partition = killer(workdir / "lost"), baseline._partition

    def partition_or_die(*shared_and_run):
        labels = partition(*shared_and_run)
        if shared_and_run[-1][0].name == "kmeans":
            kill()
        return labels

    monkeypatch.setattr(baseline, "_partition", partition_or_die)
    assert made("--engine", "ray") == alone
    assert (workdir / "lost").exists()


@pytest.mark.parametrize("objective", [pytest.param("jule", marks=pytest.mark.slow), "idec"])
def test_networks_of_the_views(project, shell, monkeypatch, objective):  # noqa: F811 - the fixture
    given = arguments(objective, "views", "--checkpoint-seconds", "0")
    assert shell(train_stage.app, *given).status == 0
    alone = outputs(objective)
    for name in alone:
        Path(name).unlink()
    kill, train, resumed = killer(project / "lost"), apart._train, project / "resumed"

    def train_or_die(device, threads, sent):
        from stages.deep.checkpoint import FileCheckpoint

        save, load = FileCheckpoint.save, FileCheckpoint.load

        def saving(self, state):
            save(self, state)
            kill()

        def loading(self):
            state = load(self)
            if state:
                resumed.touch()
            return state

        FileCheckpoint.save, FileCheckpoint.load = saving, loading
        return train(device, threads, sent)

    monkeypatch.setattr(apart, "_train", train_or_die)
    outcome = shell(train_stage.app, *given, "--engine", "ray")
    assert (outcome.status, outcome.err) == (0, "")
    assert outputs(objective) == alone
    assert resumed.exists(), "the network that was lost went on from its last state"
    assert not list((project / "data/scratch").rglob("*.safetensors"))


def test_the_seeds_of_networks_on_features_and_on_images(project, shell):  # noqa: F811 - the fixture
    def made(stage, given, found):
        here = shell(stage.app, *given)
        alone = found()
        for name in alone:
            if not name.startswith("data/images"):
                Path(name).unlink()
        there = shell(stage.app, *given, "--engine", "ray")
        assert (there.status, there.err) == (here.status, here.err)
        assert here.status == 0 and found() == alone

    made(train_stage, arguments("idec", "cc", "--set", "seeds=2"), lambda: outputs("idec"))
    write_drawings(Path("data/images/d.parquet"))
    Path("params.yaml").write_text(yaml.safe_dump(FAST_ON_IMAGES))
    given = ["--dataset", "d", "--n-clusters", "classes", "--method", "dec", "--device", "cpu", "--set", "seeds=2"]
    made(train_images, given, outputs_on_images)


@pytest.mark.parametrize("seen", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_sweep(project, shell, monkeypatch, seen):  # noqa: F811 - the fixture
    """Also where the nodes do not see the folder of the unfinished trainings."""
    write_parameters({**FAST, "sweep": {"s": {"values": {"gamma": [0.5, 1.0]}, "seeds": 1}}})
    which = ("--dataset", "toy", "--objective", "idec", "--method", "dmvc-fix", "--name", "s", "--device", "cpu")
    given, file = (
        (*which, "--n-clusters", "classes", "--width", "8"),
        Path("data/sweeps/toy/idec-dmvc-fix-s.parquet"),
    )
    assert shell(train_sweep.app, *given).status == 0
    alone = file.read_bytes()
    file.unlink()
    kill, train = killer(project / "lost"), repeated._train

    def train_or_die(*shared_and_sent):
        kill()
        if not seen:
            shutil.rmtree(project / "data/scratch/sweeps", ignore_errors=True)
            shutil.rmtree(project / "data/features", ignore_errors=True)
        return train(*shared_and_sent)

    monkeypatch.setattr(repeated, "_train", train_or_die)
    outcome = shell(train_sweep.app, *given, "--engine", "ray")
    assert (outcome.status, outcome.err) == (0, "")
    assert file.read_bytes() == alone
    assert (project / "lost").exists()


@pytest.mark.slow
def test_subsets_of_the_views(workdir, shell):
    lay_out("umist", CLASSES)

    def made(*options):
        assert shell(experiments.app, "--dataset", "umist", *options).status == 0
        files = [*Path("metrics").rglob("*"), *Path("data/studies").iterdir()]
        return {str(file): file.read_bytes() for file in files if file.is_file()}

    assert made("--engine", "ray") == made()


def test_extraction(workdir, shell, monkeypatch):
    prepare(workdir, 2100)
    given = ("--dataset", "d", "--backbone", "tiny")
    assert shell(extract.app, *given).status == 0
    alone = table(workdir).read_bytes()
    table(workdir).unlink()
    kill, worker = killer(workdir / "lost"), ray_cluster._Worker

    class Dying(worker):
        def extract(self, *given):
            kill()
            return super().extract(*given)

    monkeypatch.setattr(ray_cluster, "_Worker", Dying)
    shutil.rmtree(workdir / "data/scratch")  # what it keeps of the first run
    outcome = shell(extract.app, *given, "--engine", "ray")
    assert (outcome.status, outcome.err) == (0, "")
    assert table(workdir).read_bytes() == alone
    assert (workdir / "lost").exists()


_WAITING = """
import os, threading
from stages.core.engine import tasks_on

def wait(number):
    open(f"{number}", "w").write(str(os.getpid()))
    os.replace(f"{number}", f"{number}.pid")
    threading.Event().wait()

with tasks_on("ray") as map_tasks:
    list(map_tasks(wait, [os.path.abspath("0"), os.path.abspath("1")]))
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_leaves_no_process(workdir, end):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    driver = subprocess.Popen([sys.executable, "-c", _WAITING], env=environment, stderr=subprocess.DEVNULL)
    while not all(Path(f"{number}.pid").exists() for number in range(2)):
        with pytest.raises(subprocess.TimeoutExpired):
            driver.wait(timeout=0.1)
    workers = [psutil.Process(int(Path(f"{number}.pid").read_text())) for number in range(2)]
    driver.send_signal(end)
    assert driver.wait(timeout=60) != 0
    assert psutil.wait_procs(workers, timeout=60)[1] == []
