from __future__ import annotations

import numpy as np

from glimpse_env.testing.rollouts import difference


def test_the_first_value_that_differs_is_named() -> None:
    ours = {"a": np.arange(4).reshape(2, 2), "b": np.zeros(3)}
    assert difference(ours, ours | {"a": np.array([[0, 1], [7, 9]])}) == "['a'][1, 0]: 2 and 7"
    assert difference(np.array(1.0), np.array(2.0), "reward") == "reward: 1.0 and 2.0"
    nothing = np.array([np.nan, 1.0])
    assert difference(nothing, nothing.copy()) is None
    assert difference(nothing, np.array([0.0, 1.0]), "x") == "x[0]: nan and 0.0"
