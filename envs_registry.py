"""Every environment id in one table. Importing this module registers them and reads nothing.

Run it to print the table of ids for the README: `python envs_registry.py`.
"""

from __future__ import annotations

from gymnasium.envs.registration import register, registry

_EYE_RAM = dict(initial_gaze="random", context_size=0)  # RAM starts anywhere and has no context
_EYE_DRAM = dict(initial_gaze="none", context_size=18)  # DRAM's context says where to start

# fmt: off
TABLE: dict[str, dict[str, str | int]] = {
    # id                           what the image is, then what the eye sees and for how long
    "GlimpseMNIST-v0":             dict(task="mnist",
                                        glimpse_size=8,  num_scales=1, glimpses_per_label=6, **_EYE_RAM),
    "GlimpseTranslatedMNIST-v0":   dict(task="mnist", canvas_size=60,
                                        glimpse_size=12, num_scales=3, glimpses_per_label=6, **_EYE_RAM),
    "GlimpseClutteredMNIST60-v0":  dict(task="mnist", canvas_size=60, num_distractors=4,
                                        glimpse_size=12, num_scales=3, glimpses_per_label=6, **_EYE_RAM),
    "GlimpseClutteredMNIST100-v0": dict(task="mnist", canvas_size=100, num_distractors=8,
                                        glimpse_size=12, num_scales=4, glimpses_per_label=8, **_EYE_RAM),
    "GlimpseMNISTPairs-v0":        dict(task="mnist", canvas_size=100, num_distractors=8,
                                        min_digits=2, max_digits=2, target="combination",
                                        glimpse_size=16, num_scales=2, glimpses_per_label=4, **_EYE_DRAM),
    "GlimpseMNISTAddition-v0":     dict(task="mnist", canvas_size=100, num_distractors=0,
                                        min_digits=2, max_digits=2, target="sum",
                                        glimpse_size=16, num_scales=2, glimpses_per_label=4, **_EYE_DRAM),
    "GlimpseMNISTSequence-v0":     dict(task="mnist", canvas_size=100, num_distractors=8, distractor_size=9,
                                        min_digits=1, max_digits=3, target="sequence", layout="slope",
                                        glimpse_size=12, num_scales=2, glimpses_per_label=3, **_EYE_DRAM),
    "GlimpseHouseNumbers-v0":      dict(task="house_numbers", image_size=54,
                                        glimpse_size=12, num_scales=2, glimpses_per_label=3, **_EYE_DRAM),
    "GlimpseHouseNumbers110-v0":   dict(task="house_numbers", image_size=110,
                                        glimpse_size=12, num_scales=2, glimpses_per_label=3, **_EYE_DRAM),
    "Glimpse-v0":                  dict(task="arrays"),
}
# fmt: on

for _id, _kwargs in TABLE.items():
    if _id not in registry:  # a second import, under another name, must not register twice
        register(
            id=_id,
            entry_point="glimpse_env.env:GlimpseEnv",
            vector_entry_point="glimpse_env.vector_env:GlimpseVectorEnv",
            kwargs=dict(_kwargs),
        )
