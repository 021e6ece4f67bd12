"""OpenCV, from whichever of its packages is installed.

`opencv-python` and `opencv-python-headless` are one library in one folder, `cv2`; the first opens
windows and needs libGL for that, the second does neither. Whoever has one must not get the other
beside it, so that none is a dependency.
"""

from __future__ import annotations

from glimpse_env.errors import MissingPackage

_OLDEST = 5  # whose outline fonts house numbers are drawn with
_INSTALL = (
    "pip install 'opencv-python-headless>=5', or 'opencv-python>=5' to open windows, too, with "
    "--force-reinstall where pip says that it is there (two were, and one was removed)"
)

try:
    import cv2
except ModuleNotFoundError as error:
    raise MissingPackage(f"this needs OpenCV: {_INSTALL}") from error
except ImportError as error:  # libGL.so.1, on a machine that is made for no screen
    raise MissingPackage(
        f"OpenCV is installed and cannot be loaded ({error}): pip uninstall opencv-python, then "
        "pip install 'opencv-python-headless>=5', which needs no libGL; or apt-get install libgl1 "
        "libglib2.0-0"
    ) from error

# What is left of the folder when one of two packages is removed has no version.
_version = getattr(cv2, "__version__", "none")
if not _version.split(".")[0].isdigit() or int(_version.split(".")[0]) < _OLDEST:
    raise MissingPackage(
        f"this needs OpenCV {_OLDEST}, and here is {_version}: pip uninstall opencv-python "
        f"opencv-python-headless, then {_INSTALL}"
    )

__all__ = ["cv2"]
