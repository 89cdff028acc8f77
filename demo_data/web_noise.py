"""Web-like samples with planted noise, each with the known right answer: kept, or the reason it goes."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from demo_data.perceptual_hash import Distinct, perceptual_hash
from demo_data.photo_texts import FOREIGN, WHOLE
from demo_data.photos import PHOTOS, load_view, views
from demo_data.scenes import render_scene, scene_members
from demo_data.web_pictures import (
    FAR,
    WebPicture,
    decode,
    distinct_pictures,
    encode,
    panorama,
    resized,
    shrunk_copy,
    web_version,
)
from demo_data.web_texts import ADS, ADS_WITH_URL, FILE_NAMES, HTML, LATIN_1, TOO_SHORT

FILTERS = (
    {"kind": "file_name"},
    {"kind": "html"},
    {"kind": "url"},
    {"kind": "language", "allow": ["en"]},
    {"kind": "words", "min": 3},
    {"kind": "side", "min_px": 200},
    {"kind": "aspect", "max": 3.0},
    {"kind": "contrast", "min": 4},
)
"""The filters, in their order, under which the expected reasons hold."""

MENDED = ("png_named_jpg", "dotted_key", "latin1_text")
CLEAN = 114
SCENES = 12
EXACT_DUPLICATES = 14
NEAR_DUPLICATES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One sample and what must become of it.

    `reason` is a key of `schemas.reasons.REASONS` or the kind of a filter; None means kept. `original` is the
    place, in the same list, of the sample that a duplicate repeats: one of the two is kept.
    """

    kind: str
    image: bytes | None
    text: bytes
    key_ending: str = ""  # appended to the key: a dotted key
    reason: str | None = None
    original: int | None = None

    @property
    def is_plain(self) -> bool:
        """Return whether any kind of shard can hold it: its key and endings mean nothing."""
        return self.image is not None and self.kind not in (*MENDED, "repeated_key")


def _planted(kind: str, picture: WebPicture, text: str | None = None, reason: str | None = None) -> Planted:
    words = picture.text if text is None else text
    return Planted(kind=kind, image=picture.data, text=words.encode(), reason=reason)


def _mendable(mirrored: list[WebPicture]) -> Iterator[Planted]:
    """Yield samples that a reader mends and keeps, taking their pictures out of the list."""
    for photo, text in LATIN_1:
        picture = next(p for p in mirrored if p.view.photo == photo and p.view.box == WHOLE)
        mirrored.remove(picture)
        yield Planted(kind="latin1_text", image=picture.data, text=text.encode("latin-1"))
    for _ in range(2):
        picture = mirrored.pop()
        png = io.BytesIO()
        decode(picture.data).save(png, "PNG")
        yield Planted(kind="png_named_jpg", image=png.getvalue(), text=picture.text.encode())
    for ending in (".v2", ".small.web"):
        picture = mirrored.pop()
        yield Planted(kind="dotted_key", image=picture.data, text=picture.text.encode(), key_ending=ending)


def _scenes(seen: Distinct, random: np.random.Generator) -> Iterator[Planted]:
    """Yield rendered scenes that look clearly unlike each other and all else."""
    found = 0
    while found < SCENES:
        scene = render_scene(int(random.integers(1_000_000)))
        if seen.add_if_far(perceptual_hash(scene.image), FAR):
            members = dict(scene_members(scene))
            yield Planted(kind="scene", image=members["jpg"], text=members["txt"])
            found += 1


def _kept(random: np.random.Generator) -> tuple[list[Planted], list[WebPicture]]:
    """Return what must be kept, and the pictures of the clean samples, which come first."""
    seen = Distinct(2 * sum(len(views(name)) for name in PHOTOS) + SCENES)
    pictures = list(distinct_pictures(seen, random))
    plain = [p for p in pictures if not p.mirrored]
    mirrored = [p for p in pictures if p.mirrored]
    mirrored = [mirrored[i] for i in random.permutation(len(mirrored))]
    others = list(_mendable(mirrored))
    others += [_planted("ad_copy", mirrored.pop(), text) for text in ADS]
    others.append(_planted("repeated_key", mirrored.pop()))
    others += _scenes(seen, random)
    clean = [*plain, *mirrored][:CLEAN]
    return [_planted("clean", picture) for picture in clean] + others, clean


def _bad_texts(random: np.random.Generator) -> Iterator[Planted]:
    """Yield sound pictures whose texts must go."""
    every = [view for name in PHOTOS for view in views(name)]

    def picture() -> WebPicture:
        return web_version(every[random.integers(len(every))], False, random)

    for text in FILE_NAMES:
        yield _planted("file_name", picture(), text, "file_name")
    for pattern in HTML:
        shown = picture()
        yield _planted("html", shown, pattern.format(text=shown.text), "html")
    for text in ADS_WITH_URL:
        yield _planted("ad_copy_with_url", picture(), text, "url")
    for text in TOO_SHORT:
        yield _planted("short_text", picture(), text, "words")
    for i, (name, texts) in enumerate(FOREIGN.items()):
        for language in list(texts)[i % 2 :: 2]:
            whole = web_version(views(name)[0], False, random)
            yield _planted(f"language_{language}", whole, texts[language], "language")


def _bad_pictures(random: np.random.Generator) -> Iterator[Planted]:
    """Yield pictures that must go, with sound texts."""
    wide = [views(name)[0] for name in ("china", "hubble", "camera", "motorcycle", "gravel")]
    for view in wide:
        strip = f"Panoramic strip: {view.alt_text}".encode()
        yield Planted(kind="panorama", image=panorama(view, random), text=strip, reason="aspect")
    for name in ("astronaut", "chelsea", "coffee", "coins", "flower", "rocket"):
        view = views(name)[0]
        tiny = encode(resized(load_view(view), int(random.integers(64, 160))), 85)
        yield Planted(kind="tiny", image=tiny, text=view.alt_text.encode(), reason="side")
        cut = web_version(views(name)[1], False, random)
        data = cut.data[: round(len(cut.data) * random.uniform(0.4, 0.8))]
        yield Planted(kind="truncated", image=data, text=cut.text.encode(), reason="truncated_image")
    blank = encode(Image.new("RGB", (400, 300), (200, 200, 200)), 85)
    yield Planted(
        kind="blank", image=blank, text=b"A plain grey picture with nothing on it", reason="contrast"
    )
    yield Planted(kind="half_sample", image=None, text=b"A picture that is not there", reason="missing_image")


def _duplicates(clean: list[WebPicture], random: np.random.Generator) -> Iterator[Planted]:
    chosen = random.permutation(len(clean))[: EXACT_DUPLICATES + NEAR_DUPLICATES]
    for number, place in enumerate(int(i) for i in chosen):
        picture = clean[place]
        exact = number < EXACT_DUPLICATES
        yield Planted(
            kind="exact_duplicate" if exact else "near_duplicate",
            image=picture.data if exact else shrunk_copy(picture.data, random),
            text=f"Repost: {picture.text}".encode(),
            reason="exact_duplicate" if exact else "near_duplicate",
            original=place,
        )


def web_samples(seed: int) -> list[Planted]:
    """Return the samples of a seed, in no particular order; the same seed gives the same bytes.

    Raises:
        ValueError: the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed {seed} is negative; give 0 or more")
    random = np.random.default_rng([seed, 0x3EB])
    kept, clean = _kept(random)
    return [*kept, *_duplicates(clean, random), *_bad_texts(random), *_bad_pictures(random)]
