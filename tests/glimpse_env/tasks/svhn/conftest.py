"""Archives in SVHN's layout, made anew for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from benchmarks.svhn_files import contents, some_photos, write_archive
from glimpse_env.tasks.files import downloads
from glimpse_env.tasks.files.downloads import RemoteFile, Source
from glimpse_env.tasks.svhn import prepared

Archives = Callable[..., Path]


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """What a test loads is not in memory yet."""
    prepared._load.cache_clear()
    yield
    prepared._load.cache_clear()


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archives:
    """Write an archive into a folder of the user's and make it the one that is known."""

    def write(
        part: str = "train",
        files: Iterable[tuple[str, bytes]] | None = None,
        mirrors: tuple[str, ...] = (),
    ) -> Path:
        path = tmp_path / "named" / "svhn" / f"{part}.tar.gz"
        write_archive(path, contents(some_photos(12)) if files is None else files)
        publish(monkeypatch, path, mirrors)
        return path

    return write


def publish(monkeypatch: pytest.MonkeyPatch, path: Path, mirrors: tuple[str, ...] = ()) -> None:
    """Let the table of checksums name what is at `path`, beside what it names already."""
    known = downloads.SOURCES["svhn"].files
    file = RemoteFile(path.name, path.stat().st_size, downloads.sha256(path))
    files = (*(other for other in known if other.name != path.name), file)
    monkeypatch.setitem(downloads.SOURCES, "svhn", Source("svhn", mirrors, files))


@pytest.fixture
def republish(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Name the checksum of a file that the test has changed on purpose."""
    return lambda path, mirrors=(): publish(monkeypatch, path, mirrors)
