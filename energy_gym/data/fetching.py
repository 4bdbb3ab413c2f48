"""Raw files on this machine: from a mirror, the cache or the network; its one rule: no byte is used before its hash."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

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


def source_folder() -> Path:
    """Return the folder that holds one folder for each source: the mirror, or the cache of downloads."""
    return mirror_folder() or cache_folder() / "raw"


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """Return the hash of a file as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def raw_location(card: Card, file: RawFile) -> Path:
    """Return where a raw file lies, or would lie: the package, the card's own folder, the mirror, or the cache."""
    if file.url:
        return source_folder() / file.mirrored
    return resource("datasets", file.path) if card.home is None else card.home / file.path


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
    if file.url:
        return fetch_pinned(file, retries=retries)
    missing = wrong = "reinstall energy-gym"
    if card.home is not None:
        missing = "put it beside its card"
        wrong = "put the file back that the card was written for, or its new hash on the card"
    return _verified_local(raw_location(card, file), file.sha256, missing, wrong)


def fetch_pinned(file: RawFile, *, retries: int = 3) -> Path:
    """Return a file that does not ship with the package; see `fetch_file`.

    Raises:
        ChecksumError: The file has the wrong hash; what the cache held before is left as it was.
        DownloadError: The file could not be had.
    """
    path = source_folder() / file.mirrored
    if mirror_folder() is not None:
        remedy = f"complete the mirror, or unset {MIRROR_VARIABLE} to download"
        return _verified_local(path, file.sha256, remedy, "copy the file to the mirror again")
    if path.is_file() and digest_of(path) == file.sha256:
        return path
    return download(Download(file.url, file.path, file.mirrored, "sha256", file.sha256), path, retries)


def _verified_local(path: Path, sha256: str, if_missing: str, if_wrong: str) -> Path:
    if not path.is_file():
        raise DownloadError(str(path), f"expected a file with sha256 {sha256}, found none", if_missing)
    verify_hash(path, sha256, if_wrong)
    return path


def verify_hash(path: Path, expected: str, remedy: str, algorithm: str = "sha256") -> None:
    """Raise unless a file has the expected hash.

    Raises:
        ChecksumError: It has another one; the message holds both, and the size found.
    """
    found = digest_of(path, algorithm)
    if found != expected:
        size = path.stat().st_size
        raise ChecksumError(str(path), f"expected {algorithm} {expected}, found {found} ({size} bytes)", remedy)


class Download(NamedTuple):
    """What is to be downloaded: where from, what it is called, its place in a mirror, and the hash it must have."""

    url: str
    name: str
    mirrored: str
    algorithm: str
    digest: str


def download(wanted: Download, path: Path, retries: int = 3) -> Path:
    """Download a file to its place; nothing is left there, not even a folder, unless its hash is right.

    Raises:
        ChecksumError: The file has the wrong hash; what lay there before is left as it was.
        DownloadError: The file could not be had.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    known = {path.name: f"{wanted.algorithm}:{wanted.digest}"}
    fetcher = pooch.create(path.parent, "", registry=known, urls={path.name: wanted.url})
    fetcher.retry_if_failed = retries
    bar = _Bar(path.name)
    try:
        with _no_trace(path.parent):
            return Path(fetcher.fetch(path.name, downloader=pooch.HTTPDownloader(progressbar=bar)))
    except ValueError as error:
        raise _wrong_download(wanted, str(error)) from error
    except OSError as error:  # requests' exceptions are OSErrors too
        response = getattr(error, "response", None)
        if response is not None:
            response.close()
        expected = f"expected {wanted.name} with {wanted.algorithm} {wanted.digest}"
        rule = f"{expected}, found no usable answer ({type(error).__name__}: {error})"
        place = f"set {MIRROR_VARIABLE} to a folder that holds {wanted.mirrored}"
        raise DownloadError(wanted.url, rule, f"check the connection and try again, or {place}") from error
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


def _wrong_download(wanted: Download, message: str) -> ChecksumError:
    got = re.search(r"but got\s+(?:\w+:)?([0-9a-f]{32,64})", message)
    found = got.group(1) if got else message
    remedy = "try again; if it stays so the publisher changed the file: report it, nothing was stored"
    rule = f"expected {wanted.name} with {wanted.algorithm} {wanted.digest}, found {found}"
    return ChecksumError(wanted.url, rule, remedy)


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
