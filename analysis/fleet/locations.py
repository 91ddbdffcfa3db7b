"""Where captures, keys and stores lie: whatever fsspec can reach, by its URL or path."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

__all__ = ["FleetError", "inside", "located", "read_octets", "shown", "write_octets"]


class FleetError(Exception):
    """A place that cannot be used, or a package that is missing.

    Attributes:
        hint: what to do about it.
    """

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.hint)


def located(url: str | os.PathLike[str]) -> tuple[Any, str]:
    """The file system of a URL or path, and the path within it.

    Raises:
        FleetError: fsspec or what it needs for such URLs is not installed, or the URL carries a password.
    """
    text = os.fspath(url)
    if urlsplit(text).password if "://" in text else False:
        raise FleetError(
            "a password in a URL would stand in logs", "credentials belong into the environment or its files"
        )
    try:
        url_to_fs: Any = import_module("fsspec.core").url_to_fs
    except ImportError:
        raise FleetError("a fleet needs fsspec, dask and duckdb", "pip install 'hanscope[fleet]'") from None
    try:
        fs, path = url_to_fs(text, use_listings_cache=False) if "://" in text else url_to_fs(text)
    except (ImportError, ValueError) as error:
        raise FleetError(f"{shown(text)}: {error}", "pip install what fsspec names for such URLs") from None
    return fs, str(path)


def shown(url: str) -> str:
    """A URL as people and tables may see it: without user, password and query."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


WILD = "*?["


def inside(fs: Any, path: str, wanted: Callable[[str], object]) -> list[dict[str, Any]] | None:
    """The files that a pattern means, or those of a folder whose names are wanted, with what the file system says of
    each; None for a path that is neither.

    Raises whatever the file system does.
    """
    if any(sign in path for sign in WILD):
        return [one for one in fs.glob(path, detail=True).values() if one["type"] == "file"]
    if fs.isdir(path):
        return [one for one in fs.find(path, detail=True).values() if wanted(one["name"])]
    return None


def is_local(fs: Any) -> bool:
    """Whether files of that system are files of this machine."""
    protocols = fs.protocol if isinstance(fs.protocol, tuple | list) else (fs.protocol,)
    return "file" in protocols


def read_octets(url: str) -> bytes:
    """All of a small file.

    Raises:
        FleetError: it cannot be read.
    """
    fs, path = located(url)
    try:
        octets: bytes = fs.cat_file(path)
    except OSError as error:
        raise FleetError(f"{shown(url)}: {error.strerror or error}") from None
    return octets


def write_octets(fs: Any, path: str, octets: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    _whole(fs, path, lambda place: fs.pipe_file(place, octets))


def put_file(fs: Any, source: str, path: str) -> None:
    """Bring a file of this machine there, whole or not at all."""
    _whole(fs, path, lambda place: fs.put_file(source, place))


def _whole(fs: Any, path: str, write: Callable[[str], object]) -> None:
    """Write a file beside its place and move it there; elsewhere than on this machine one writing is whole anyhow."""
    if not is_local(fs):
        write(path)
        return
    fs.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH120 - a path of fsspec's
    passing = f"{path}.{os.getpid()}.part"
    write(passing)
    os.replace(passing, path)  # noqa: PTH105
