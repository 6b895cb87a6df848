"""Digests: of a file; and of the code that a script runs, as what an unfinished run left is of use to it alone."""

import ast
import hashlib
import importlib.metadata
import itertools
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]  # the folder of `stages`
_NAMED = re.compile(rf"[\"']({_PACKAGE.name}(?:\.\w+)+):\w+[\"']")  # a class to be imported later


def file_digest(file: Path) -> str:
    """The sha256 of a file as 64 lower-case hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def import_closure(module: str) -> tuple[Path, ...]:
    """Return the files of ours that run when `module`, such as "stages.train", is imported and called; sorted.

    Imports anywhere in a file count, within functions, too, except those for type checkers alone. So does a class
    that is named to be imported later, "stages.module:Class".
    """
    found: set[Path] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        # Importing a.b.c runs a and a.b too.
        for prefix in itertools.accumulate(name.split("."), "{}.{}".format):
            file = _file_of(prefix)
            if file is not None and file not in found:
                found.add(file)
                pending += imported_names(file)
    return tuple(sorted(found))


def imported_names(file: Path) -> set[str]:
    """Return the dotted names that a file imports, those within a module among them."""
    text = file.read_text(encoding="utf-8")
    found = set(_NAMED.findall(text))
    for node in _statements(ast.parse(text).body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def code_digest(module: str, packages: Iterable[str]) -> str:
    """Return 64 hex digits for the code that `module` runs and for the versions of `packages`, if installed."""
    digest = hashlib.sha256()
    for package in packages:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            version = "not installed"
        digest.update(f"{package} {version}\n".encode())
    for file in import_closure(module):
        digest.update(f"{file.relative_to(_PACKAGE).as_posix()}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _file_of(module: str) -> Path | None:
    """The file of a module of ours, of a package its __init__; None for a module that is not ours."""
    top, *inner = module.split(".")
    if top != _PACKAGE.name:
        return None
    path = _PACKAGE.joinpath(*inner)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block and of all within it, but those for type checkers; expressions hold none."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            continue
        for field in ("body", "orelse", "handlers", "finalbody", "cases"):
            yield from _statements(getattr(statement, field, ()))
