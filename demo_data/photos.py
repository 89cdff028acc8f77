"""Real photographs that lie inside the installed packages scikit-image and scikit-learn.

Licence notes restate `skimage/data/_fetchers.py` (its `README.txt` names none) and
`sklearn/datasets/images/README.txt`. The alt texts are our own. Nothing is downloaded.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

from demo_data.photo_texts import VIEWS, WHOLE, Box


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A part of a photograph, [x0, y0, x1, y1] in 0..1 of its sides, and what is seen there."""

    photo: str
    box: Box
    alt_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A photograph: the package and the path in it where it lies, what it shows, who allows its use."""

    name: str
    package: str
    path: str
    alt_text: str
    licence: str


_SOURCES = {
    "astronaut": ("skimage", "data/astronaut.png", "public domain; NASA Great Images"),
    "brick": ("skimage", "data/brick.png", "CC0; CC0Textures"),
    "camera": ("skimage", "data/camera.png", "CC0; Lav Varshney"),
    "chelsea": ("skimage", "data/chelsea.png", "CC0; Stefan van der Walt"),
    "china": ("sklearn", "datasets/images/china.jpg", "CC BY 2.0; danielbuechele, Flickr"),
    "clock": ("skimage", "data/clock_motion.png", "public domain; Stefan van der Walt"),
    "coffee": ("skimage", "data/coffee.png", "CC0; Rachel Michetti, courtesy of Pikolo Espresso Bar"),
    "coins": ("skimage", "data/coins.png", "no known copyright restrictions; Brooklyn Museum"),
    "flower": ("sklearn", "datasets/images/flower.jpg", "CC BY 2.0; vultilion, Flickr"),
    "grass": ("skimage", "data/grass.png", "CC0; linolafett, DeviantArt"),
    "gravel": ("skimage", "data/gravel.png", "CC0; CC0Textures"),
    "hubble": ("skimage", "data/hubble_deep_field.jpg", "public domain; NASA, HubbleSite"),
    "ihc": (
        "skimage",
        "data/ihc.png",
        "no known copyright restrictions; Center for Microscopy And Molecular Imaging",
    ),
    "motorcycle": ("skimage", "data/motorcycle_left.png", "none stated; Middlebury 2014 stereo benchmark"),
    "retina": ("skimage", "data/retina.jpg", "CC0; Mikael Häggström, Wikimedia Commons"),
    "rocket": ("skimage", "data/rocket.jpg", "public domain; SpaceX"),
}

PHOTOS: Mapping[str, Photo] = {
    name: Photo(name=name, package=package, path=path, alt_text=VIEWS[name][0][1], licence=licence)
    for name, (package, path, licence) in _SOURCES.items()
}


def views(name: str) -> tuple[View, ...]:
    """Return the photograph's views, the whole one first."""
    return tuple(View(photo=name, box=box, alt_text=text) for box, text in VIEWS[name])


def photo_path(name: str) -> Path:
    """Return where the photograph lies on disk; its package is located, not imported.

    Raises:
        KeyError: no photograph has that name.
        FileNotFoundError: the package, or the file in it, is not installed.
    """
    photo = PHOTOS[name]
    spec = importlib.util.find_spec(photo.package)
    if spec is None or not spec.submodule_search_locations:
        distribution = {"skimage": "scikit-image", "sklearn": "scikit-learn"}[photo.package]
        raise FileNotFoundError(
            f"photo {name!r} is in {distribution}, which is missing; pip install {distribution}"
        )
    path = Path(spec.submodule_search_locations[0], photo.path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; reinstall the package {photo.package}")
    return path


@cache
def load_photo(name: str) -> Image.Image:
    """Return the photograph as RGB, decoded once a process; do not change it in place."""
    with Image.open(photo_path(name)) as picture:
        return picture.convert("RGB")


def load_view(view: View) -> Image.Image:
    """Return the pixels of a view, cut at whole pixels, as RGB."""
    picture = load_photo(view.photo)
    if view.box == WHOLE:
        return picture
    x0, y0, x1, y1 = view.box
    width, height = picture.size
    return picture.crop((round(x0 * width), round(y0 * height), round(x1 * width), round(y1 * height)))
