"""What every test gets: no traffic beyond this machine, no trace in the user's cache or folders."""

from __future__ import annotations

import gzip
import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.svhn_files import contents, some_photos, write_folder
from glimpse_env.tasks.files import downloads

# Before torch is loaded, here and in every process a test starts: the tests are many small
# operations side by side (`-n 2`), and more threads only get in each other's way.
os.environ["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS") or "1"
# Tests check the same everywhere: where `--device auto` would take a GPU, they see none.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
# Read before any test changes it: the folder of real files, if this machine has one.
REAL_DATA = os.environ.get(downloads.DATA_VARIABLE)
LOOPBACK = {"", "localhost", "127.0.0.1", "::1", "0.0.0.0"}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"requires_mnist: reads the original files below {downloads.DATA_VARIABLE}"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("requires_mnist") and not has_real_mnist():
        pytest.skip(f"{downloads.DATA_VARIABLE} does not name a folder with the MNIST files")


def has_real_mnist() -> bool:
    """Whether the four files are there; what is in them is for the loader to check."""
    source = downloads.SOURCES["mnist"]
    folder = Path(REAL_DATA or os.devnull) / source.folder
    return all((folder / file.name).is_file() for file in source.files)


@pytest.fixture(autouse=True)
def own_folders(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each test starts with an empty cache and, unless it asks for real files, no data folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if not request.node.get_closest_marker("requires_mnist"):
        monkeypatch.delenv(downloads.DATA_VARIABLE, raising=False)


@pytest.fixture(autouse=True, scope="session")
def offline() -> Iterator[None]:
    """Fail the test that looks up or connects to anything but this machine."""

    def refuse(host: object) -> None:
        if isinstance(host, bytes):
            host = host.decode()
        if host is not None and host not in LOOPBACK | {socket.gethostname()}:
            # Not an Exception: the code under test must not take it for a network error.
            pytest.fail(f"a test tried to reach {host!r}; tests stay on this machine")

    def guarded(call: Any) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                refuse(address[0])
            return call(self, address)

        return connect

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        refuse(host)
        return look_up(host, *args, **kwargs)

    look_up = socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        yield


def write_idx(path: Path, values: NDArray[np.uint8]) -> downloads.RemoteFile:
    """Write a gzipped IDX file and return its row for the table of checksums."""
    header = np.array([0x0800 | values.ndim, *values.shape], dtype=">u4").tobytes()
    content = gzip.compress(header + values.tobytes(), compresslevel=1, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return downloads.RemoteFile(path.name, len(content), hashlib.sha256(content).hexdigest())


def draw_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """100 different digits: each class at ten places and sizes."""
    images = np.zeros((100, 28, 28), dtype=np.uint8)
    labels = np.arange(100, dtype=np.uint8) % 10
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        variant = index // 10
        corner = (4 + variant % 4, 21 + variant % 3)
        cv2.putText(
            image, str(label), corner, cv2.FONT_HERSHEY_SIMPLEX, 0.6 + 0.03 * variant, 255, 2
        )
    return images, labels


@pytest.fixture(scope="session")
def synthetic_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, downloads.Source]:
    """A folder with drawn digits in four files as long as MNIST's, and their checksums."""
    folder = tmp_path_factory.mktemp("synthetic")
    images, labels = draw_digits()
    files = []
    for prefix, total in (("train", 60_000), ("t10k", 10_000)):
        rows = np.arange(total) % len(images)
        below = folder / "mnist" / prefix
        files.append(write_idx(below.with_name(f"{prefix}-images-idx3-ubyte.gz"), images[rows]))
        files.append(write_idx(below.with_name(f"{prefix}-labels-idx1-ubyte.gz"), labels[rows]))
    # No mirrors: whatever is missing from the folder is missing.
    return folder, downloads.Source(folder="mnist", mirrors=(), files=tuple(files))


@pytest.fixture
def synthetic_mnist(
    synthetic_files: tuple[Path, downloads.Source], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Let every MNIST task load drawn digits; returns the folder that `data_dir` may name."""
    folder, source = synthetic_files
    monkeypatch.setitem(downloads.SOURCES, "mnist", source)
    monkeypatch.setenv(downloads.DATA_VARIABLE, str(folder))
    return folder


@pytest.fixture(scope="session")
def synthetic_svhn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `data_dir` may name, with drawn house numbers as if unpacked from SVHN."""
    folder = tmp_path_factory.mktemp("svhn")
    for part, count in (("train", 40), ("test", 40), ("extra", 300)):
        write_folder(folder / "svhn" / part, contents(some_photos(count)))
    return folder


@pytest.fixture
def own_images(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of 40 pictures of 1 to 3 digits, 30 x 20 pixels, and the file of their labels."""
    folder, table = tmp_path / "own", tmp_path / "own.csv"
    folder.mkdir()
    lines = ["file,labels"]
    for number in range(40):
        digits = str(number * 7 % 1000)
        image = np.zeros((20, 30), np.uint8)
        cv2.putText(image, digits, (1, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255)
        assert cv2.imwrite(str(folder / f"{number}.png"), image)
        lines.append(f"{number}.png,{' '.join(digits)}")
    table.write_text("\n".join(lines))
    return folder, table


@pytest.fixture
def keywords_of(synthetic_mnist: Path, synthetic_svhn: Path) -> Callable[[str], dict[str, Any]]:
    """What `gym.make(id, **keywords)` needs to run fast and without downloads, for every id."""

    def keywords(name: str) -> dict[str, Any]:
        if name == "Glimpse-v0":
            return arrays_for_tests()
        if name == "GlimpseCatch-v0":
            return {"screen_size": 9}  # a game of eight steps
        if "HouseNumbers" in name:
            return {"num_images": 64}
        if "SVHN" in name:
            return {"data_dir": str(synthetic_svhn)}
        # The folder is named, not found by GLIMPSE_DATA: tasks are cached under what names them.
        return {"data_dir": str(synthetic_mnist), "split": "test"}

    return keywords


def arrays_for_tests() -> dict[str, Any]:
    """Twelve images, neither square nor even, with sequences of 0 to 3 labels out of 4 classes."""
    place = np.arange(12 * 25 * 22).reshape(12, 25, 22)
    images = (place * 2654435761 >> 7) % 256
    lengths, labels = np.arange(12) % 4, np.arange(36).reshape(12, 3) * 7 % 4
    labels = np.where(np.arange(3) < lengths[:, None], labels, -1)
    return {"images": images.astype(np.uint8), "labels": labels, "num_classes": 4}


@pytest.fixture
def no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `render_mode="human"` run where there is no display."""

    class Silent:
        def __init__(self, name: str) -> None:
            self.name = name

        def show(self, frames: list[Any], fps: float) -> None:
            assert len(frames) and fps > 0

        def close(self) -> None:
            pass

    monkeypatch.setattr("glimpse_env.frames.window.Window", Silent)
