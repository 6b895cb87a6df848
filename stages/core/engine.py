"""Where independent tasks run: in this process, one after the other, or on a Ray cluster.

Ray is an optional extra, imported only when it is asked for. The nodes need the packages that this machine has, in
the same versions; the project's code and what the tasks take are sent to them, so they need no file of ours.
"""

import functools
import hashlib
import importlib.metadata
import os
import platform
import socket
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from stages.core.device import torchrun_place
from stages.core.digests import file_digest
from stages.core.errors import ClusterError, ManyviewsError, ParameterError, one_line

T = TypeVar("T")
Versions = Mapping[str, str]  # by the name of the package

RETRIES = 3  # of a task whose worker was lost; one that raises an error is not tried again
_ANSWERS = 10.0  # seconds within which a cluster's address takes a connection
_CODE = Path(__file__).parents[1]  # the folder of `stages`
_PACKAGES = ("numba", "numpy", "pillow", "scikit-learn", "scipy", "timm", "torch", "torchvision")  # decide results
_INSTALL = "install the same packages on every node"


class MapTasks(Protocol):
    """Runs a task for each of several items."""

    def __call__(
        self, task: Callable[..., T], items: Iterable[Any], *shared: Any, cpus: int = 1, gpus: int = 0
    ) -> Iterator[T]:
        """Yield `task(*shared, item)` for each of the `items`, in their order.

        On a cluster the `shared` values are sent once, tasks get `cpus` cores and `gpus` GPUs each, and arrays
        arrive read-only. A task whose worker is lost runs again, so it must depend on what it is given alone. What
        a task warns of is warned of here. Raises what a task raises, and `ClusterError` for a lost cluster.
        """


def map_here(
    task: Callable[..., T], items: Iterable[Any], *shared: Any, cpus: int = 1, gpus: int = 0
) -> Iterator[T]:
    """Run the tasks in this process, each when its result is asked for."""
    return (task(*shared, item) for item in items)


@contextmanager
def tasks_on(engine: str) -> Iterator[MapTasks]:
    """Return what runs tasks on an `engine`, "local" or "ray", during the block; see `ray_cluster`."""
    if engine == "local":
        yield map_here
        return
    with ray_cluster() as ray:
        yield functools.partial(_map_on_ray, ray)


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """Connect to the Ray cluster that RAY_ADDRESS names, and return the module `ray`; tasks end with the block.

    Raises `ParameterError` when Ray is not installed, no cluster is named or found, or torchrun started this.
    """
    if torchrun_place()[1] > 1:
        raise ParameterError("engine 'ray' and torchrun both share out the work; use one of them")
    try:
        import ray
    except ImportError:
        raise ParameterError("engine 'ray' needs the extra: pip install 'manyviews[ray]'") from None
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        raise ParameterError(
            "engine 'ray' needs RAY_ADDRESS, the address of a cluster that `ray start` has started"
        )
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # else Ray prints them all, and we the first one
    # The nodes run this very code. Without caches it is the same from run to run: a node then keeps its kernels.
    code = {"py_modules": [str(_CODE)], "excludes": ["__pycache__"]}
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        if port.isdecimal():  # Ray itself tries for minutes
            socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWERS).close()
        ray.init(address=address, runtime_env=code, log_to_driver=False, configure_logging=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise ParameterError(f"no Ray cluster answers at RAY_ADDRESS={address} ({one_line(error)})") from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _map_on_ray(
    ray: Any, task: Callable[..., T], items: Iterable[Any], *shared: Any, cpus: int = 1, gpus: int = 0
) -> Iterator[T]:
    for resource, count in (("CPU", cpus), ("GPU", gpus)):
        if max((offered(node, resource) for node in ray.nodes()), default=0) < count:
            raise ClusterError(
                f"no node of the Ray cluster has the {count} {resource}s that a task takes; "
                "add one, or set OMP_NUM_THREADS to fewer"
            )
    sent = {id(value): ray.put(value) for value in shared}  # the same array may be shared under two names
    remote = ray.remote(_perform).options(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)
    given, here = [sent[id(value)] for value in shared], versions()
    under_way = deque(remote.remote(here, task, item, *given) for item in items)
    while under_way:
        result, messages = fetched(ray, under_way.popleft())
        for message in messages:
            warnings.warn(message, stacklevel=2)
        yield result


def _perform(driver: Versions, task: Callable[..., T], item: Any, *shared: Any) -> tuple[T, list[str]]:
    """Run a task on a node, for a `driver` with these versions; return the warnings, too."""
    check_versions(driver)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        result = task(*shared, item)
    return result, [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]


def offered(node: Mapping[str, Any], resource: str) -> int:
    """Return how many of a `resource`, "CPU" or "GPU", a node in `ray.nodes()` has; 0 if it is lost."""
    return int(node["Resources"].get(resource, 0)) if node["Alive"] else 0


def fetched(ray: Any, reference: Any) -> Any:
    """Return a task's result; raise what it raised, and `ClusterError` where the cluster did not get it done."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        cause = getattr(cause, "client_exc", cause)  # of what stops a task before it begins
        if isinstance(cause, ManyviewsError):
            raise cause from None
        if isinstance(cause, ImportError):
            raise ClusterError(
                f"a node of the Ray cluster lacks a package ({one_line(cause)}); {_INSTALL}"
            ) from None
        if isinstance(error, ray.exceptions.RayTaskError):
            raise  # a mistake in the task's code
        lines = str(error).strip().splitlines()  # of an actor the last one is the reason, of a task the first one
        reason = lines[-1 if isinstance(error, ray.exceptions.RayActorError) else 0].strip()
        raise ClusterError(f"the Ray cluster lost a task ({reason}); run this again to go on") from None


@functools.cache
def versions() -> Versions:
    """Return the versions of what decides results, by name; "none" for a package that is not installed."""
    code = "".join(file_digest(file) for file in sorted(_CODE.rglob("*.py")))
    found = {_CODE.name: hashlib.sha256(code.encode()).hexdigest()[:12]}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "none"
    return found


def check_versions(driver: Versions) -> None:
    """Raise `ClusterError` on a node whose versions are not those of the `driver`: results would differ."""
    for name, version in versions().items():
        if version != driver[name]:
            node = f"node {platform.node()} of the Ray cluster"
            raise ClusterError(f"{node} has {name} {version}, this machine {driver[name]}; {_INSTALL}")
