"""Tasks in this process, and the refusals before a cluster is looked for; tests/test_on_ray.py has a cluster."""

import re
import socket
import sys

import pytest

from stages import baseline
from stages.core.engine import ray_cluster, tasks_on
from stages.core.errors import ParameterError


def test_here_a_task_runs_when_its_result_is_asked_for():
    done = []

    def task(factor, number):
        done.append(number)
        return factor * number

    with tasks_on("local") as map_tasks:
        results = map_tasks(task, [3, 1, 2], 10, cpus=64)
        assert (next(results), done) == (30, [3])
        assert list(results) == [10, 20]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "engine 'ray' needs RAY_ADDRESS, the address of a cluster that `ray start` has started"),
        (
            {"WORLD_SIZE": "2", "RANK": "0", "RAY_ADDRESS": "auto"},
            "engine 'ray' and torchrun both share out the work; use one of them",
        ),
    ],
)
def test_a_cluster_that_is_not_named_or_not_wanted(monkeypatch, environment, message):
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ParameterError) as caught, ray_cluster():
        pass
    assert str(caught.value) == message


def test_a_cluster_that_is_not_there(monkeypatch):
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"  # where nobody listens
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(ParameterError) as caught, ray_cluster():
            pass
    assert re.fullmatch(rf"no Ray cluster answers at RAY_ADDRESS={address} \(.*refused\)", str(caught.value))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ParameterError) as caught, ray_cluster():
        pass
    assert str(caught.value) == "engine 'ray' needs the extra: pip install 'manyviews[ray]'"


def test_an_engine_that_is_not_offered(workdir, shell, monkeypatch):
    monkeypatch.setenv("MANYVIEWS_ENGINE", "spark")
    status, _, said = shell(baseline.app, "--dataset", "d", "--backbone", "b", "--n-clusters", "3")
    assert status == 2
    assert said == (
        "error: Invalid value for '--engine' (env var: 'MANYVIEWS_ENGINE'): 'spark' is not one of 'local', 'ray'; "
        "--help explains every option\n"
    )
