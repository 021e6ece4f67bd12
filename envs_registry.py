"""Every environment id in one table. Importing this module registers them and reads nothing.

`python envs_registry.py` prints the table of the README.
"""

from __future__ import annotations

from gymnasium.envs.registration import register, registry

Keywords = dict[str, str | int]

# How the eye starts: RAM anywhere and without a context, DRAM where the context tells it to.
_RAM: Keywords = dict(initial_gaze="random", context_size=0)
_DRAM: Keywords = dict(initial_gaze="none", context_size=18)

_CLUTTER_60: Keywords = dict(canvas_size=60, num_distractors=4)
_CLUTTER_100: Keywords = dict(canvas_size=100, num_distractors=8)
_TWO_DIGITS: Keywords = dict(canvas_size=100, min_digits=2, max_digits=2)
_LINE: Keywords = dict(
    min_digits=1, max_digits=3, layout="slope", target="sequence", distractor_size=9
)


def _mnist(size: int, scales: int, glimpses: int, **keywords: str | int) -> Keywords:
    return dict(task="mnist", **_eye(size, scales, glimpses), **keywords)


def _house_numbers(image_size: int) -> Keywords:
    return dict(task="house_numbers", image_size=image_size, **_eye(12, 2, 3), **_DRAM)


def _svhn(image_size: int) -> Keywords:
    return dict(task="svhn", image_size=image_size, **_eye(12, 2, 3), **_DRAM)


def _eye(size: int, scales: int, glimpses: int) -> Keywords:
    return dict(glimpse_size=size, num_scales=scales, glimpses_per_label=glimpses)


# fmt: off
TABLE: dict[str, Keywords] = {
    # id                               glimpse: side, scales, glimpses a label; then what is shown
    "GlimpseMNIST-v0":             _mnist(8,  1, 6, **_RAM),
    "GlimpseTranslatedMNIST-v0":   _mnist(12, 3, 6, **_RAM, canvas_size=60),
    "GlimpseClutteredMNIST60-v0":  _mnist(12, 3, 6, **_RAM, **_CLUTTER_60),
    "GlimpseClutteredMNIST100-v0": _mnist(12, 4, 8, **_RAM, **_CLUTTER_100),
    "GlimpseMNISTPairs-v0":        _mnist(16, 2, 4, **_DRAM, **_TWO_DIGITS,
                                          num_distractors=8, target="combination"),
    "GlimpseMNISTAddition-v0":     _mnist(16, 2, 4, **_DRAM, **_TWO_DIGITS, target="sum"),
    "GlimpseMNISTSequence-v0":     _mnist(12, 2, 3, **_DRAM, **_CLUTTER_100, **_LINE),
    "GlimpseSVHN-v0":              _svhn(54),
    "GlimpseSVHN110-v0":           _svhn(110),
    "GlimpseHouseNumbers-v0":      _house_numbers(54),
    "GlimpseHouseNumbers110-v0":   _house_numbers(110),
    "GlimpseCatch-v0":             dict(glimpse_size=6, num_scales=3, **_RAM),
    "Glimpse-v0":                  dict(task="arrays"),
}
# fmt: on

_SHOWN = {
    "GlimpseMNIST-v0": ("one handwritten digit, 28x28", "RAM table 1a"),
    "GlimpseTranslatedMNIST-v0": ("a digit anywhere in 60x60", "RAM table 1b"),
    "GlimpseClutteredMNIST60-v0": ("a digit among 4 distractors, 60x60", "RAM table 2a"),
    "GlimpseClutteredMNIST100-v0": ("a digit among 8 distractors, 100x100", "RAM table 2b"),
    "GlimpseMNISTPairs-v0": (
        "which of 55 pairs of digits, in clutter, 100x100",
        "DRAM section 4.1",
    ),
    "GlimpseMNISTAddition-v0": ("the sum of two digits, 100x100", "DRAM section 4.2"),
    "GlimpseMNISTSequence-v0": (
        "1 to 3 digits along a slope, in clutter, 100x100",
        "Sønderby et al. 2015",
    ),
    "GlimpseSVHN-v0": ("a photographed house number, 54x54", "DRAM section 4.3"),
    "GlimpseSVHN110-v0": ("a photographed house number in a wider crop, 110x110", "DRAM table 4"),
    "GlimpseHouseNumbers-v0": ("a rendered house number, 54x54", "after DRAM section 4.3"),
    "GlimpseHouseNumbers110-v0": (
        "a rendered house number in a wider crop, 110x110",
        "after DRAM table 4",
    ),
    "GlimpseCatch-v0": ("a falling ball, to be caught with a paddle, 24x24", "RAM section 4.2"),
    "Glimpse-v0": ("your images and labels", ""),
}

# Which class plays an id: labels are read, but for games.
_LABELS = ("glimpse_env:GlimpseEnv", "glimpse_env:GlimpseVectorEnv")
_CATCH = ("glimpse_env:CatchEnv", "glimpse_env:CatchVectorEnv")
ENTRY_POINTS = {env_id: _CATCH if env_id == "GlimpseCatch-v0" else _LABELS for env_id in TABLE}


def shown(env_id: str) -> tuple[str, str]:
    """What an environment shows, and where the papers have it; empty if they do not."""
    return _SHOWN[env_id]


def readme_table() -> str:
    """The ids as a Markdown table."""
    lines = [
        "| id | what is shown | glimpse | glimpses a label | in the papers |",
        "|---|---|---|---|---|",
    ]
    for env_id, keywords in TABLE.items():
        images, paper = shown(env_id)
        side, scales = keywords.get("glimpse_size", "any"), keywords.get("num_scales", "any")
        glimpse = "yours" if side == "any" else f"{side}x{side}, {scales} scales"
        count = keywords.get(
            "glimpses_per_label", "" if ENTRY_POINTS[env_id] is _CATCH else "yours"
        )
        lines.append(f"| `{env_id}` | {images} | {glimpse} | {count} | {paper} |")
    return "\n".join(lines).replace(", 1 scales", ", 1 scale")


for _id, _keywords in TABLE.items():
    if _id not in registry:  # imported again under another name, as the script is below
        register(
            id=_id,
            entry_point=ENTRY_POINTS[_id][0],
            vector_entry_point=ENTRY_POINTS[_id][1],
            kwargs=dict(_keywords),
        )

if __name__ == "__main__":
    print(readme_table())
