"""Do the scores say what can be trusted? Planted faults, found by a CLIP that our own trainer made.

    python -m benchmarks.quality [--out DIR] [--checkpoint DIR]

Rendered scenes as in the closed loop. One arm of it (HQ-CLIP's texts with HNI and STC, 128,000 samples seen)
is trained first, some minutes on a core, unless `--checkpoint` names one. Of new scenes, 20 % then get
another scene's caption and 20 % one wrong word; half of the scenes calibrate the threshold of words, the
other half are measured. Refinement sees pairs whose false colours are drawn from a skewed distribution, and
SemDeDup each picture twice, once brightened by 4 % and compressed anew.
"""

import argparse
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageEnhance

from benchmarks.closed_loop import run
from benchmarks.closed_loop_arms import ARMS, FULL
from benchmarks.closed_loop_scenes import COLOUR_NAMES, LoopScene, Reading, Thing, make_scene
from benchmarks.closed_loop_texts import changed_at, inventory_text
from benchmarks.quality_rewriting import Sentence, compare
from demo_data.scene_drawing import draw
from lvlm_workers.clip_scorer import ClipScorer
from lvlm_workers.clip_words import Threshold, WordScores, calibrate, f_clipscore_grad
from schemas.score import ClipConfig
from schemas.selecting import SemanticConfig
from transforms.selecting.blind_negatives import BlindReport, refine
from transforms.selecting.semantic import find_duplicates
from transforms.selecting.semantic_batch import MEMBER_SCHEMA
from transforms.selecting.text_pairs import TextPair

ARM = next(arm for arm in ARMS if arm.name == "hni_stc")
SCENES = 2000
SEED = 7_000_000
PAIRS = 10_000
SKEW = 0.6
"""Share of the false colours that are one and the same."""
Random = np.random.Generator
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a scene's caption says: `wrong` is its false word, where it has one."""

    text: str
    kind: str  # true, swapped, word
    wrong: str | None = None


def main() -> None:
    """Train, measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs") / "quality")
    parser.add_argument("--checkpoint", type=Path, help="a CLIP that was trained on such scenes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = options.checkpoint or train(options.out)
    scorer = ClipScorer(ClipConfig(checkpoint=str(checkpoint), device="cpu"))
    scenes = [make_scene(SEED + n) for n in range(SCENES)]
    pictures = [picture(scene) for scene in scenes]
    print("| | measured | aim |\n|---|---|---|")
    for name, value, aim in (*faults(scorer, scenes, pictures), *blind(), *twins(scorer, scenes, pictures)):
        print(f"| {name} | {value} | {aim} |")


def train(out: Path) -> Path:
    """Return the folder of the checkpoint that is measured, trained unless it is there."""
    run(out, replace(FULL, seeds=1), processes=1, arms=(ARM,))
    return out / "runs" / f"{ARM.name}-0" / "final"


def picture(scene: LoopScene) -> bytes:
    """Return a scene as a JPEG, as the closed loop has them."""
    return encoded(draw(scene.layout, FULL.size_px), 95)


def encoded(image: Image.Image, quality: int) -> bytes:
    """Return a picture as a JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()


def captions(scenes: list[LoopScene], random: Random) -> list[Caption]:
    """Return a caption a scene: 60 % are true, 20 % another scene's, and 20 % have one wrong word."""
    true = [inventory_text(scene.truth) for scene in scenes]
    found = []
    for n, scene in enumerate(scenes):
        lot = random.random()
        if lot < 0.2:
            others = [k for k in random.integers(len(scenes), size=50) if true[k] != true[n]]
            found.append(Caption(text=true[others[0]], kind="swapped"))
        elif lot < 0.4:
            place, kind = int(random.integers(len(scene.truth.things))), int(random.integers(2))
            thing = changed_at(scene.truth, place, kind, random).things[place]
            text = inventory_text(changed_at_place(scene.truth, place, thing))
            found.append(Caption(text=text, kind="word", wrong=(thing.colour, thing.shape)[kind]))
        else:
            found.append(Caption(text=true[n], kind="true"))
    return found


def changed_at_place(truth: Reading, place: int, thing: Thing) -> Reading:
    """Return a reading with another object at a place."""
    return replace(truth, things=(*truth.things[:place], thing, *truth.things[place + 1 :]))


def faults(scorer: ClipScorer, scenes: list[LoopScene], pictures: list[bytes]) -> list[tuple[str, str, str]]:
    """Return how well swapped captions and wrong words are found, on the second half of the scenes."""
    told = captions(scenes, np.random.default_rng(0))
    scored = scorer.score(pictures, [[caption.text] for caption in told])
    words = scorer.word_scores(
        [one.image_E for one in scored if one.image_E is not None],
        [caption.text for caption in told],
        template="",
    )
    half = len(told) // 2
    threshold = calibrated(told[:half], words[:half])
    cosine = np.array([one.cosine_K[0] for one in scored[half:]], float)
    f_score = np.array([f_clipscore_grad(one, threshold.epsilon) for one in words[half:]], float)
    kinds = [caption.kind for caption in told[half:]]
    hits = [
        min(of_text.words, key=lambda word: word.score).word == caption.wrong
        for caption, of_text in zip(told[half:], words[half:], strict=True)
        if caption.kind == "word"
    ]
    right = [inventory_text(scene.truth) for scene in scenes]
    sentences = [
        Sentence(text=caption.text, right=true, wrong=caption.wrong, image_E=one.image_E, words=of_text)
        for caption, true, one, of_text in zip(
            told[half:], right[half:], scored[half:], words[half:], strict=True
        )
        if caption.kind != "swapped" and one.image_E is not None
    ]
    return [
        ("swapped captions: AUROC of the cosine", f"{auroc(cosine, kinds, 'swapped'):.3f}", ">= 0.95"),
        ("one wrong word: AUROC of the cosine", f"{auroc(cosine, kinds, 'word'):.3f}", ""),
        ("one wrong word: AUROC of f_clipscore_grad", f"{auroc(f_score, kinds, 'word'):.3f}", ">= 0.85"),
        ("the wrong word scores lowest", f"{np.mean(hits):.3f}", ">= 0.7"),
        ("threshold of words, and its Youden's J", f"{threshold.epsilon:.2g}, {threshold.youden_j:.2f}", ""),
        *compare(scorer, sentences, threshold.epsilon),
    ]


def calibrated(told: list[Caption], words: list[WordScores]) -> Threshold:
    """Return the threshold between true words and planted ones."""
    pairs = list(zip(told, words, strict=True))
    true = [word.score for caption, text in pairs if caption.kind == "true" for word in text.words]
    changed = [
        word.score
        for caption, text in pairs
        if caption.kind == "word"
        for word in text.words
        if word.word == caption.wrong
    ]
    return calibrate(true, changed)


def auroc(scores: Floats, kinds: list[str], fault: str) -> float:
    """Return the probability that a true caption scores higher than one with this fault (ties count half)."""
    true, false = (scores[[kind == wanted for kind in kinds]] for wanted in ("true", fault))
    gaps = true[:, None] - false[None, :]
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


def blind() -> list[tuple[str, str, str]]:
    """Return how well negatives are told by texts alone, before and after refinement."""
    random = np.random.default_rng(1)
    report: BlindReport = refine([skewed_pair(n, random) for n in range(PAIRS)])[1]
    before, after = (
        max(found.values(), key=lambda share: abs(share - 0.5)) for found in (report.before, report.after)
    )
    return [
        ("negatives told without the picture, before", f"{before:.3f}", ""),
        ("the same after refinement (worst of four models)", f"{after:.3f}", "0.5 ± 0.03"),
        ("pairs kept", f"{report.kept_share:.2f}", ""),
    ]


def skewed_pair(number: int, random: Random) -> TextPair:
    """Return a caption and the same with a colour changed, most often to the same one."""
    truth = make_scene(SEED + number).truth
    place = int(random.integers(len(truth.things)))
    thing = truth.things[place]
    colour = "pink" if random.random() < SKEW else str(random.choice(COLOUR_NAMES))
    if colour == thing.colour:
        colour = COLOUR_NAMES[(COLOUR_NAMES.index(colour) + 1) % len(COLOUR_NAMES)]
    false = changed_at_place(truth, place, replace(thing, colour=colour))
    return TextPair(uid=f"{number}", place=0, positive=inventory_text(truth), negative=inventory_text(false))


def twins(scorer: ClipScorer, scenes: list[LoopScene], pictures: list[bytes]) -> list[tuple[str, str, str]]:
    """Return how many near copies SemDeDup finds, and how many others it takes for one.

    The threshold is the one over which 98 % of the copies of the first half of the scenes lie.
    """
    copies = embeddings(scorer, [near_copy(data, shift_px=0) for data in pictures])
    shifted = embeddings(scorer, [near_copy(data, shift_px=1) for data in pictures])
    own = embeddings(scorer, pictures)
    half = len(pictures) // 2
    bound = float(np.quantile(np.sum(own[:half] * copies[:half], axis=1), 0.02))
    found, others = deduplicated(own[half:], copies[half:], bound)
    moved, _ = deduplicated(own[half:], shifted[half:], bound)
    truths = [scene.truth for scene in scenes[half:]]
    return [
        (f"near copies found, cosine over {bound:.4f}", f"{found:.3f}", ">= 0.95"),
        ("the same, shifted by one of 32 pixels", f"{moved:.3f}", ""),
        ("other pictures dropped", f"{others:,} of {half:,}", ""),
        ("scenes of which the same is true as of another", f"{half - len(set(truths)):,} of {half:,}", ""),
    ]


def embeddings(scorer: ClipScorer, pictures: list[bytes]) -> NDArray[np.float32]:
    """Return the unit embeddings of pictures (N, E)."""
    scored = scorer.score(pictures, [[]] * len(pictures))
    return np.stack([one.image_E for one in scored if one.image_E is not None])


def deduplicated(own: NDArray[np.float32], copies: NDArray[np.float32], bound: float) -> tuple[float, int]:
    """Return the share of copies of which one of the pair goes, and how many more pictures go."""
    uids = [f"{n:05d}" for n in range(len(own))]
    uids += [f"{uid}-copy" for uid in uids]
    rows = {
        "order": [0] * len(uids),
        "index": list(range(len(uids))),
        "uid": uids,
        "key": uids,
        "cosine": [0.0] * len(uids),
        "embedding": list(np.concatenate([own, copies]).astype(np.float16)),
    }
    config = SemanticConfig(clusters=1, max_cosine=bound)
    gone, _, _ = find_duplicates(pa.Table.from_pydict(rows, schema=MEMBER_SCHEMA), config)
    pairs = {uid.removesuffix("-copy") for uid in gone.column("uid").to_pylist()}
    return len(pairs) / len(own), gone.num_rows - len(pairs)


def near_copy(data: bytes, *, shift_px: int) -> bytes:
    """Return a picture brightened by 4 %, shifted and compressed anew."""
    image = ImageChops.offset(Image.open(io.BytesIO(data)).convert("RGB"), shift_px, 0)
    return encoded(ImageEnhance.Brightness(image).enhance(1.04), 80)


if __name__ == "__main__":
    main()
