"""Whether the remotes of DVC and other addresses can be reached, without waiting long."""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from stages.diagnosis.finding import Finding, examine, fault, ok, warning
from stages.diagnosis.repository import dvc


def check_remotes(root: Path, timeout: float, patience: float) -> Iterator[Finding]:
    """The remotes of DVC: that there is a default one, and that each answers."""
    remotes: dict[str, dict[str, str]] = {}
    default = ""
    for line in dvc(root, patience, "config", "--list").splitlines():
        key, _, value = line.partition("=")
        if key == "core.remote":
            default = value
        elif key.startswith("remote."):
            name, _, setting = key.removeprefix("remote.").rpartition(".")
            remotes.setdefault(name, {})[setting] = value
    if not remotes:
        yield ok("none is set; to share results: `dvc remote add -d NAME ADDRESS`")
        return
    if not default:
        yield warning("none is the default; choose one by `dvc remote default NAME`")
    elif default not in remotes:
        yield fault(f"the default, {default}, is not set; choose one by `dvc remote default NAME`")
    with ThreadPoolExecutor(8) as pool:
        for findings in pool.map(lambda name: list(_remote(name, remotes, timeout)), remotes):
            yield from findings


def _remote(name: str, remotes: Mapping[str, Mapping[str, str]], timeout: float) -> Iterator[Finding]:
    """One remote, by itself: what goes wrong with it hides no other."""
    url = remotes[name].get("url", "")
    base = url.removeprefix("remote://").partition("/")[0] if url.startswith("remote://") else None
    if base is None:
        yield from examine(lambda: check_remote(name, remotes[name], timeout))
    elif base in remotes:
        yield ok(f"{name} ({url}) is a place in the remote {base}")
    else:
        yield fault(f"{name} ({url}) names no remote; correct it by `dvc remote modify {name} url ...`")


def check_remote(name: str, settings: Mapping[str, str], timeout: float) -> Iterator[Finding]:
    """Check that a DVC remote, a folder or an address, is there; waits no longer than `timeout` seconds.

    `settings` are those that DVC has of it, "url" among them; passwords in them are neither used nor shown.
    """
    url = settings.get("url", "")
    what = f"{name} ({without_password(url)})"
    try:
        parts = urlsplit(url)
        port = int(settings.get("port") or parts.port or 0)
    except ValueError:  # whose own words may hold a password
        where = "port" if settings.get("port") else "url"
        yield fault(
            f"{what} is not an address with a port number; correct it by `dvc remote modify {name} {where} ...`"
        )
        return
    scheme = parts.scheme
    if not url:
        yield fault(f"{name} has no address; give one by `dvc remote modify {name} url ...`")
    elif scheme in ("", "file") or len(scheme) == 1:  # a letter is a drive of Windows
        yield _folder(name, what, Path(url.removeprefix("file://")))
    elif (plugin := _plugin(scheme)) and importlib.util.find_spec(plugin) is None:
        extra = plugin.removeprefix("dvc_")
        yield fault(f'{what} needs another package; run `pip install "dvc[{extra}]"`')
    elif scheme in ("http", "https"):
        yield _web(what, url, timeout)
    elif scheme == "ssh":
        yield _ssh(what, parts, settings.get("user") or parts.username or "", port, timeout)
    else:
        yield ok(f"{what} is set; `dvc status --cloud` shows whether it answers")


def _plugin(scheme: str) -> str:
    """The module that DVC needs for a kind of remote; "" for one that it does not know."""
    from dvc.fs import known_implementations

    found: str = known_implementations.get(scheme, {}).get("class", "")
    return found.partition(".")[0]


def answers(url: str, timeout: float) -> str:
    """Ask for a page, through the proxy that is set; return "" if there is any answer, else why there is none."""
    return _ask(url, timeout)[1]


def _ask(url: str, timeout: float) -> tuple[int, str]:
    """The status of a page, or why there is none. A login in the address is not sent: any answer will do."""
    try:
        parts = urlsplit(url)
        plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        request = urllib.request.Request(plain, method="HEAD")
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, ""
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        return 0, str(getattr(reason, "strerror", None) or reason)


def _folder(name: str, what: str, folder: Path) -> Finding:
    if not folder.exists() and (place := re.search(r"(?:^|/)([^/@]+@[^/@:]+):(.*)$", str(folder))):
        address = f"ssh://{place[1]}/{place[2].lstrip('/')}"
        return fault(f"{what} is a folder to DVC; for SSH run `dvc remote modify {name} url {address}`")
    if not folder.exists():
        return warning(f"{what} does not exist: mount it, or `dvc push` will make it")
    if not folder.is_dir():
        return fault(f"{what} is not a folder; name one by `dvc remote modify`")
    if not os.access(folder, os.R_OK | os.X_OK):
        return fault(f"{what} may not be read by you; ask its owner for the right")
    if not os.access(folder, os.W_OK):
        return warning(f"{what} may not be written to: `dvc pull` works, `dvc push` needs the right")
    return ok(f"{what} is there")


def _web(what: str, url: str, timeout: float) -> Finding:
    status, reason = _ask(url, timeout)
    if reason:
        return fault(f"{what} does not answer ({reason}); check the address, the network and the proxy")
    if status in (401, 403, 407):
        return warning(f"{what} wants a login ({status}); give one by `dvc remote modify --local`")
    if status >= 500:
        return warning(f"{what} answers with an error ({status}); ask whoever runs it")
    return ok(f"{what} answers")


def _ssh(what: str, parts: SplitResult, user: str, port: int, timeout: float) -> Finding:
    settings = _ssh_settings(parts.hostname or "", user, port, timeout)
    if any(settings.get(key, "none") != "none" for key in ("proxyjump", "proxycommand")):
        return ok(f"{what} is set, by way of another host; `dvc status --cloud` shows whether it answers")
    host, port = settings.get("hostname") or parts.hostname or "", int(settings.get("port") or port or 22)
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.settimeout(timeout)
            greeting = connection.recv(4)
    except (OSError, ValueError, OverflowError) as error:  # the latter two: a name or a port that can be none
        reason = getattr(error, "strerror", None) or error
        return fault(f"{what} does not answer ({reason}); check the host, the port {port} and the network")
    if greeting != b"SSH-":
        return fault(f"{what} is not an SSH server; check the host and the port {port}")
    return ok(f"{what} answers; `dvc status --cloud` shows whether it lets you in")


def _ssh_settings(host: str, user: str, port: int, timeout: float) -> dict[str, str]:
    """The user's settings of ssh for a host; none where there is no ssh to ask."""
    if not shutil.which("ssh") or not host or host.startswith("-"):
        return {}
    options = [*(["-l", user] if user else []), *(["-p", str(port)] if port else [])]
    try:
        done = subprocess.run(
            ["ssh", *options, "-G", host], capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return {}
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


def without_password(url: str) -> str:
    """An address as others may see it: no password, and no user name of a web server, which may be a token."""
    url = re.sub(r"^((?:http|webdav)s?://)[^/?#]*@", r"\1", url, flags=re.IGNORECASE)
    return re.sub(r"^(\w[\w+.-]*://[^/?#:@]*):[^/?#]*@", r"\1@", url)
