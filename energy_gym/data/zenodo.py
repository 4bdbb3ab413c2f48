"""Files of a Zenodo record; its one rule: the record states each file's md5, and no file is used without it.

A published record never changes, so its description is fetched once and kept beside the files.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

from energy_gym.data.fetching import (
    MIRROR_VARIABLE,
    Download,
    digest_of,
    download,
    mirror_folder,
    source_folder,
    verify_hash,
)
from energy_gym.errors import DownloadError
from energy_gym.files import write_atomically

API = "https://zenodo.org/api/records"
TIMEOUT_S = 60


def url_of(record: str, key: str) -> str:
    """Return where a file of a record is downloaded from.

    Example:
        >>> url_of("5510400", "7.csv.gz")
        'https://zenodo.org/api/records/5510400/files/7.csv.gz/content'
    """
    return f"{API}/{record}/files/{key}/content"


def md5_of(record: str, folder: str, key: str) -> str:
    """Return the md5 that a record states for one of its files.

    Args:
        record: Number of the record.
        folder: The source's folder in the mirror or in the cache of downloads; the description lies there.
        key: Name of the file.

    Raises:
        DownloadError: The record could not be had, or does not state the file.
    """
    where, stated = _stated(record, folder)
    algorithm, _, digest = stated.get(key, "").partition(":")
    if algorithm != "md5" or len(digest) != 32:
        rule = f"must state the md5 of {key}; it states {stated.get(key, 'no such file')}"
        raise DownloadError(where, rule, f"choose one of its {len(stated)} files")
    return digest


def fetch(record: str, folder: str, key: str, *, retries: int = 3) -> Path:
    """Return a file of a record, md5 verified, downloading it where neither mirror nor cache holds it.

    Raises:
        ChecksumError: The file has the wrong md5; what the cache held before is left as it was.
        DownloadError: The file or the record could not be had.
    """
    digest = md5_of(record, folder, key)
    path = source_folder() / folder / key
    if mirror_folder() is not None:
        if not path.is_file():
            remedy = f"save {url_of(record, key)} there, or unset {MIRROR_VARIABLE} to download"
            raise DownloadError(str(path), f"expected a file with md5 {digest}, found none", remedy)
        verify_hash(path, digest, "copy the file to the mirror again", "md5")
        return path
    if path.is_file() and digest_of(path, "md5") == digest:
        return path
    return download(Download(url_of(record, key), key, f"{folder}/{key}", "md5", digest), path, retries)


def _stated(record: str, folder: str) -> tuple[str, dict[str, str]]:
    """Return where the record's description came from, and the checksum that it states for each file."""
    path, url = source_folder() / folder / f"{record}.json", f"{API}/{record}"
    if path.is_file():
        return str(path), _checksums(str(path), path.read_bytes())
    if mirror_folder() is not None:
        remedy = f"save {url} there, or unset {MIRROR_VARIABLE} to download"
        raise DownloadError(str(path), "expected the description of the record, with md5 sums, found none", remedy)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            text = answer.read()
    except OSError as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        remedy = f"check the connection and try again, or set {MIRROR_VARIABLE} to a folder that holds {folder}/"
        raise DownloadError(url, f"found no usable answer ({type(error).__name__}: {error})", remedy) from error
    stated = _checksums(url, text)
    write_atomically(path, lambda part: part.write_bytes(text))
    return url, stated


def _checksums(where: str, text: bytes) -> dict[str, str]:
    try:
        return {entry["key"]: str(entry["checksum"]) for entry in json.loads(text)["files"]}
    except (ValueError, KeyError, TypeError) as error:
        rule = f"must be JSON that lists its files, each with key and checksum ({type(error).__name__}: {error})"
        raise DownloadError(where, rule, "try again; if it stays so, report it") from error
