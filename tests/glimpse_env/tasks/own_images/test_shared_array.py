"""Arrays that copies share: once copied, or mapped, and then never again."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glimpse_env.errors import InvalidArgument, MissingData
from glimpse_env.tasks.own_images.shared_array import SharedArray, is_mapped

VALUES = np.arange(24).reshape(2, 3, 4)


def test_what_could_be_written_to_is_copied_once() -> None:
    given = VALUES.copy()
    shared = SharedArray("images", given)
    given[:] = 0
    np.testing.assert_array_equal(np.asarray(shared), VALUES)
    for twin in (copy.copy(shared), copy.deepcopy(shared), copy.deepcopy([shared])[0]):
        assert twin is shared
    assert SharedArray("images", shared).array is shared.array


def test_what_nobody_can_write_to_is_shared() -> None:
    frozen = np.frombuffer(VALUES.tobytes(), VALUES.dtype)
    assert SharedArray("images", frozen).array is frozen
    view = VALUES[:]
    view.setflags(write=False)  # but VALUES itself can be written to
    assert not np.shares_memory(SharedArray("images", view).array, VALUES)


def test_a_pickle_holds_the_values_once_and_needs_no_copy() -> None:
    shared = SharedArray("images", np.zeros(100_000, np.uint8))
    assert len(pickle.dumps([shared, shared, {"images": shared}])) < 101_000
    buffers: list[pickle.PickleBuffer] = []
    packed = pickle.dumps(shared, protocol=5, buffer_callback=buffers.append)
    memory = [bytes(buffer.raw()) for buffer in buffers]
    again = pickle.loads(packed, buffers=memory)
    assert again == shared
    assert np.shares_memory(again.array, np.frombuffer(memory[0], np.uint8))


@pytest.mark.parametrize("part", [np.s_[:], np.s_[1:], np.s_[1, 1:], np.s_[:, ::2]], ids=str)
def test_a_mapped_file_stays_one(tmp_path: Path, part: Any) -> None:
    np.save(tmp_path / "images.npy", VALUES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    mapped = mapped[part]
    shared = SharedArray("images", np.asarray(mapped))
    assert np.shares_memory(shared.array, mapped) and is_mapped(shared.array)
    again = pickle.loads(pickle.dumps(shared))
    np.testing.assert_array_equal(again.array, mapped)
    assert is_mapped(again.array) == mapped.flags.c_contiguous
    if mapped.flags.c_contiguous:
        packed = pickle.dumps(shared)
        (tmp_path / "images.npy").unlink()
        with pytest.raises(MissingData, match=r"images\.npy.*cannot be mapped"):
            pickle.loads(packed)


def test_equal_by_values() -> None:
    shared, other = (SharedArray("images", VALUES) for _ in range(2))
    assert shared == other and shared != SharedArray("images", VALUES + 1)
    assert shared != SharedArray("images", VALUES.astype(np.int8)) and shared != "images"
    assert repr(shared) == "SharedArray(int64, (2, 3, 4))"


def test_what_is_no_array_is_named() -> None:
    with pytest.raises(InvalidArgument, match="labels must be an array"):
        SharedArray("labels", [[1], [2, 3]])
