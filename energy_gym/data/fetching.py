"""Raw files on this machine: from a mirror, the cache or the network; its one rule: no byte is used before its hash."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs

from energy_gym.data.cards import Card, RawFile
from energy_gym.errors import ChecksumError, DownloadError
from energy_gym.paths import resource

MIRROR_VARIABLE = "ENERGY_GYM_DATA"
CACHE_VARIABLE = "ENERGY_GYM_CACHE"


def cache_folder() -> Path:
    """Return the folder of downloads and parsed frames: ``ENERGY_GYM_CACHE``, or the platform's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("energy-gym"))


def mirror_folder() -> Path | None:
    """Return the local mirror of raw files named by ``ENERGY_GYM_DATA``, None where it is not set."""
    chosen = os.environ.get(MIRROR_VARIABLE)
    return Path(chosen).expanduser() if chosen else None


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def raw_location(card: Card, file: RawFile) -> Path:
    """Return where a raw file lies, or would lie: the package, the mirror, or the cache."""
    if card.embedded:
        return resource("datasets", file.path)
    mirror = mirror_folder()
    return (cache_folder() / "raw" if mirror is None else mirror) / file.mirrored


def fetch_card(card: Card) -> dict[str, Path]:
    """Return every raw file of a card, hash verified, downloading what is not there.

    Raises:
        ChecksumError: A file has the wrong hash (altered or truncated).
        DownloadError: A file could not be had.
    """
    return {file.path: fetch_file(card, file) for file in card.files}


def fetch_file(card: Card, file: RawFile, *, retries: int = 3) -> Path:
    """Return one raw file, hash verified, downloading it where neither package nor mirror nor cache holds it.

    Args:
        card: The card it belongs to.
        file: The file.
        retries: How often a broken transfer is tried again; the wait between tries grows by a second each time.

    Raises:
        ChecksumError: The file has the wrong hash; what the cache held before is left as it was.
        DownloadError: The file could not be had.
    """
    path = raw_location(card, file)
    if card.embedded or mirror_folder() is not None:
        return _verified_local(card, file, path)
    if path.is_file() and sha256_of(path) == file.sha256:
        return path
    return _download(file, path, retries)


def _verified_local(card: Card, file: RawFile, path: Path) -> Path:
    if not path.is_file():
        remedy = (
            "reinstall energy-gym" if card.embedded else f"complete the mirror, or unset {MIRROR_VARIABLE} to download"
        )
        raise DownloadError(str(path), f"expected a file with sha256 {file.sha256}, found none", remedy)
    verify_hash(path, file.sha256, "reinstall energy-gym" if card.embedded else "copy the file to the mirror again")
    return path


def verify_hash(path: Path, expected: str, remedy: str) -> None:
    """Raise unless a file has the expected sha256.

    Raises:
        ChecksumError: It has another one; the message holds both, and the size found.
    """
    found = sha256_of(path)
    if found != expected:
        size = path.stat().st_size
        raise ChecksumError(str(path), f"expected sha256 {expected}, found {found} ({size} bytes)", remedy)


def _download(file: RawFile, path: Path, retries: int) -> Path:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    fetcher = pooch.create(path.parent, "", registry={path.name: f"sha256:{file.sha256}"}, urls={path.name: file.url})
    fetcher.retry_if_failed = retries
    bar = _Bar(path.name)
    try:
        with _no_trace(path.parent):
            return Path(fetcher.fetch(path.name, downloader=pooch.HTTPDownloader(progressbar=bar)))
    except ValueError as error:
        raise _wrong_download(file, str(error)) from error
    except OSError as error:  # requests' exceptions are OSErrors too
        response = getattr(error, "response", None)
        if response is not None:
            response.close()
        rule = (
            f"expected {file.path} with sha256 {file.sha256}, found no usable answer ({type(error).__name__}: {error})"
        )
        remedy = f"check the connection and try again, or set {MIRROR_VARIABLE} to a folder that holds {file.mirrored}"
        raise DownloadError(file.url, rule, remedy) from error
    finally:
        bar.close()


@contextlib.contextmanager
def _no_trace(folder: Path) -> Iterator[None]:
    """Take the empty folders that a failed download made away again."""
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        yield
    except BaseException:
        for parent in made:
            with contextlib.suppress(OSError):
                parent.rmdir()
        raise


def _wrong_download(file: RawFile, message: str) -> ChecksumError:
    got = re.search(r"but got\s+(?:sha256:)?([0-9a-f]{64})", message)
    found = got.group(1) if got else message
    remedy = "try again; if it stays so the publisher changed the file: report it, nothing was stored"
    return ChecksumError(file.url, f"expected {file.path} with sha256 {file.sha256}, found {found}", remedy)


class _Bar:
    """A progress bar with the interface that pooch expects (``total``, ``update``, ``reset``, ``close``)."""

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._progress: Any = Progress(console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(title, total=None)
        self._total = 0
        self._progress.start()

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, size: int) -> None:
        self._total = size
        self._progress.update(self._task, total=size or None)

    def update(self, size: int) -> None:
        self._progress.advance(self._task, size)

    def reset(self) -> None:
        self._progress.reset(self._task, total=self._total or None)

    def close(self) -> None:
        self._progress.stop()
