"""What several tests of the environments share."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Compare = Callable[..., None]


@pytest.fixture(scope="session")
def torch() -> Any:
    """The torch module, with one thread: the tensors of these tests are small."""
    module = pytest.importorskip("torch")
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="session", params=["numpy", "torch"])
def backend(request: pytest.FixtureRequest) -> str:
    """The name of each backend."""
    if request.param == "torch":
        request.getfixturevalue("torch")
    return str(request.param)


@pytest.fixture(scope="session")
def ragged() -> dict[str, Any]:
    """Keywords of `Glimpse-v0`: images with 0 to 3 labels out of 4 classes."""
    rng = np.random.default_rng(0)
    lengths = np.arange(16) % 4
    labels = np.where(np.arange(3) < lengths[:, None], rng.integers(0, 4, (16, 3)), -1)
    images = rng.integers(0, 256, (16, 25, 22), dtype=np.uint8)
    return {"images": images, "labels": labels, "num_classes": 4}


@pytest.fixture(scope="session")
def play() -> Callable[..., dict[str, NDArray[Any]]]:
    """Actions for a batch: mostly the right label, and gazes that also leave the image."""

    def actions(
        rng: np.random.Generator, infos: dict[str, Any], num_labels: int, gaze_size: int = 2
    ) -> dict[str, NDArray[Any]]:
        target = np.asarray(infos["target"])
        random = rng.integers(0, num_labels, len(target))
        label = np.where((rng.random(len(target)) < 0.75) & (target >= 0), target, random)
        gaze = rng.uniform(-1.2, 1.2, (len(target), gaze_size)).astype(np.float32)
        return {"gaze": gaze, "label": label}

    return actions


def _equal(first: Any, second: Any, tolerance: float, where: str) -> None:
    first, second = np.asarray(first), np.asarray(second)
    assert first.shape == second.shape, where
    assert first.dtype.kind == second.dtype.kind, where
    if np.array_equal(first, second):
        return  # NumPy's own assertions, which say what differs, take ten times as long
    if first.dtype.kind == "f" and tolerance:
        np.testing.assert_allclose(first, second, rtol=0, atol=tolerance, err_msg=where)
    else:
        np.testing.assert_array_equal(first, second, err_msg=where)


def _same_tree(first: Any, second: Any, tolerance: float = 0.0, where: str = "") -> None:
    if isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for key in first:
            _same_tree(first[key], second[key], tolerance, f"{where}.{key}")
    elif isinstance(first, tuple | list):
        assert len(first) == len(second), where
        for place, (a, b) in enumerate(zip(first, second, strict=True)):
            _same_tree(a, b, tolerance, f"{where}.{place}")
    elif getattr(first, "dtype", None) == np.dtype(object):
        _same_tree(list(first), list(second), tolerance, where)
    elif first is None or second is None:
        assert first is second, where
    else:
        _equal(first, second, tolerance, where)


@pytest.fixture(scope="session")
def same_tree() -> Compare:
    """Assert that two trees of arrays hold the same, to the bit or floats within a tolerance."""
    return _same_tree


def _observation_row(batch: Any, row: int) -> Any:
    if isinstance(batch, dict):
        return {key: value[row] for key, value in batch.items()}
    return batch[row]


def _with_statistics(info: dict[str, Any]) -> dict[str, Any]:
    """With `episode` beside `final_info`, where Gymnasium puts it if it wraps the whole batch."""
    if "final_info" not in info or "episode" in info:
        return info
    return info | {key: info["final_info"][key] for key in ("episode", "_episode")}


def _same_infos(
    first: dict[str, Any], second: dict[str, Any], number: int, tolerance: float = 0.0
) -> None:
    nobody = np.zeros(number, bool)
    first, second = _with_statistics(first), _with_statistics(second)
    for key in sorted({key for info in (first, second) for key in info if key[0] != "_"}):
        masks = [np.asarray(info.get(f"_{key}", nobody)) for info in (first, second)]
        _equal(*masks, 0.0, f"_{key}")
        if not masks[0].any():
            continue
        if isinstance(first[key], dict) and key != "final_obs":
            _same_infos(first[key], second[key], number, tolerance)
            continue
        if key != "final_obs":
            kinds = {np.asarray(info[key]).dtype.kind for info in (first, second)}
            assert len(kinds) == 1, f"{key}: {kinds}"
        for row in np.flatnonzero(masks[0]):
            rows = [_observation_row(info[key], row) for info in (first, second)]
            _same_tree(*rows, tolerance, key)


@pytest.fixture(scope="session")
def same_infos() -> Compare:
    """Assert that two infos of a batch say the same wherever their masks are True.

    A key that is absent holds for no row. So both ways to batch `final_obs` compare as well.
    """
    return _same_infos


class Mirror(ThreadingHTTPServer):
    """A server on the loopback whose first path element says how it behaves."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.both_asked = threading.Barrier(2, timeout=20)

    def url(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/"


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        _, behaviour, name = self.path.split("/")
        good = self.server.files[name]
        self.server.asked.append(behaviour)
        if behaviour == "together":
            self.server.both_asked.wait()
        status = {"missing": 404, "error": 503}.get(behaviour, 200)
        body = {
            "altered": good[:-1] + b"!",
            "empty": b"",
            "longer": good + b"!",
            "cut": good[: len(good) // 2],
            "good": good,
            "together": good,
        }.get(behaviour, b"sorry")
        self.send_response(status)
        self.send_header("Content-Length", str(len(good if behaviour == "cut" else body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def server() -> Iterator[Mirror]:
    with Mirror() as mirror:
        thread = threading.Thread(
            target=functools.partial(mirror.serve_forever, poll_interval=0.01)
        )
        thread.start()
        yield mirror
        mirror.shutdown()
        thread.join()


@pytest.fixture
def mirror(server: Mirror) -> Mirror:
    """A server that forgets who asked; a test gives it `files`."""
    server.asked.clear()
    server.files = {}
    return server
