"""Raw files: no byte is used before its hash, and a failure names the file and leaves the cache as it was."""

from __future__ import annotations

import hashlib
import http.server
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from local_server import served

from energy_gym.data import RawFile, card, load
from energy_gym.data.fetching import cache_folder, fetch_card, fetch_file
from energy_gym.data.loading import forget
from energy_gym.errors import ChecksumError, DownloadError

CONTENT = b"time,price\n2024-01-01,1\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder of the test without writing to stderr."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Serve the file from this very machine."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "a.csv").write_bytes(CONTENT)
    with served(partial(Quiet, directory=str(folder))) as address:
        yield f"{address}/a.csv"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ENERGY_GYM_DATA", raising=False)
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def mirror(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A mirror that may be damaged, with a cache of its own."""
    folder = tmp_path / "mirror"
    shutil.copytree(real_data / "encortex", folder / "encortex")
    monkeypatch.setenv("ENERGY_GYM_DATA", str(folder))
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path / "cache"))
    forget()
    yield folder
    forget()


def raw(url: str, sha256: str = SHA256) -> RawFile:
    return RawFile(path="sub/a.csv", url=url, sha256=sha256, folder="mine")


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_download_is_stored_where_a_mirror_would_have_it(cache: Path, url: str) -> None:
    path = fetch_file(card("ercot"), raw(url), retries=0)
    assert path == cache / "raw" / "mine" / "sub" / "a.csv"
    assert path.read_bytes() == CONTENT
    assert list(files_in(cache)) == ["raw/mine/sub/a.csv"]


def test_second_fetch_needs_no_server(cache: Path, url: str) -> None:
    fetch_file(card("ercot"), raw(url), retries=0)
    assert fetch_file(card("ercot"), raw("http://127.0.0.1:9/a.csv"), retries=0).read_bytes() == CONTENT


def test_wrong_download_is_refused_and_not_stored(cache: Path, url: str) -> None:
    with pytest.raises(ChecksumError) as caught:
        fetch_file(card("ercot"), raw(url, "0" * 64), retries=0)
    message = str(caught.value)
    assert url in message
    assert "0" * 64 in message
    assert SHA256 in message
    assert caught.value.remedy
    assert files_in(cache) == {}


@pytest.mark.parametrize("broken", ["missing.csv", None])
def test_no_answer(cache: Path, url: str, broken: str | None) -> None:
    wrong = url.replace("a.csv", broken) if broken else "http://127.0.0.1:9/a.csv"
    with pytest.raises(DownloadError) as caught:
        fetch_file(card("ercot"), raw(wrong), retries=0)
    assert wrong in str(caught.value)
    assert SHA256 in caught.value.rule
    assert "ENERGY_GYM_DATA" in caught.value.remedy
    assert files_in(cache) == {}


def test_damaged_file_in_the_cache_is_fetched_again_or_left(cache: Path, url: str) -> None:
    path = cache / "raw" / "mine" / "sub" / "a.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:5])
    with pytest.raises(DownloadError):
        fetch_file(card("ercot"), raw("http://127.0.0.1:9/a.csv"), retries=0)
    assert files_in(cache) == {"raw/mine/sub/a.csv": CONTENT[:5]}
    assert fetch_file(card("ercot"), raw(url), retries=0).read_bytes() == CONTENT


def test_mirror_is_verified_and_never_written(mirror: Path) -> None:
    before = files_in(mirror)
    paths = fetch_card(card("encortex-uk"))
    assert all(path.is_relative_to(mirror) for path in paths.values())
    load("encortex-uk")
    assert files_in(mirror) == before


@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_damaged_mirror(mirror: Path, damage: str) -> None:
    file = card("encortex-uk").files[0]
    path = mirror / file.mirrored
    content = path.read_bytes()
    path.write_bytes(content[:-100] if damage == "truncated" else content.replace(b"43.34", b"43.35", 1))
    with pytest.raises(ChecksumError) as caught:
        load("encortex-uk")
    message = str(caught.value)
    assert str(path) in message
    assert file.sha256 in message
    assert hashlib.sha256(path.read_bytes()).hexdigest() in message
    assert not cache_folder().exists()


def test_missing_file_of_a_mirror(mirror: Path) -> None:
    file = card("encortex-uk").files[1]
    (mirror / file.mirrored).unlink()
    with pytest.raises(DownloadError) as caught:
        load("encortex-uk")
    assert str(mirror / file.mirrored) in str(caught.value)
    assert file.sha256 in caught.value.rule
    assert "ENERGY_GYM_DATA" in caught.value.remedy
    assert not cache_folder().exists()


def test_mirror_never_falls_back_to_the_network(cache: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGY_GYM_DATA", str(cache / "empty"))
    with pytest.raises(DownloadError, match="complete the mirror"):
        fetch_file(card("ercot"), raw(url), retries=0)
