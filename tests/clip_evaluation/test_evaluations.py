"""Every evaluation, from its data to its figures: a planted oracle is right, a blind one is at chance."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import TypeAdapter

from clip_evaluation.embedder import Embedder
from clip_evaluation.evaluations.registry import prepare
from clip_evaluation.figure import Figure, figures
from clip_evaluation.pictures import Pictures, hash_of
from clip_evaluation.report import read_results, write_results
from schemas.errors import ConfigError, RunError
from schemas.evaluate import Evaluation

NAMES = ("cat", "dog", "owl")
Parse = TypeAdapter(Evaluation).validate_python
Rows = NDArray[np.float32]


class Oracle:
    """Embeds a picture as the text that is planted for it, with a little noise, and texts by chance.

    Corruption of severity s leaves the first 6 - s of ten pictures as they are.
    """

    scale = 100.0

    def __init__(self, texts: Mapping[bytes, str] | None = None) -> None:
        self._texts = texts

    def images(self, pictures: Pictures, what: str, *, corruption: tuple[str, int] | None = None) -> Rows:
        rows = []
        for place, digest in enumerate(pictures.digests):
            spoilt = corruption is not None and place % 10 >= 6 - corruption[1]
            text = None if self._texts is None or spoilt else self._texts.get(digest)
            noise = self._draw(digest)
            rows.append(noise if text is None else self._draw(text.encode()) + 0.1 * noise)
        return np.stack(rows)

    def texts(self, texts: Sequence[str], what: str) -> Rows:
        return np.stack([self._draw(text.encode()) for text in texts])

    @staticmethod
    def _draw(data: bytes) -> Rows:
        seed = int.from_bytes(hash_of(data)[:8], "big")
        return np.random.default_rng(seed).normal(size=64).astype(np.float32)


def png(text: str) -> bytes:
    """Return a picture that a text decides."""
    seed = int.from_bytes(hash_of(text.encode())[:8], "big")
    buffer = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def measure(config: dict[str, Any], oracle: Oracle) -> tuple[dict[str, Figure], Any]:
    made = prepare("it", Parse(config)).measure(cast(Embedder, oracle))
    return dict(figures(made.record)), made


@pytest.fixture
def class_folder(tmp_path: Path) -> tuple[Path, dict[bytes, str]]:
    """Return a folder of 3 classes of 20 pictures, and the text of each picture's class."""
    planted = {}
    for name in NAMES:
        (tmp_path / "classes" / name).mkdir(parents=True)
        for number in range(20):
            data = png(f"{name} {number}")
            (tmp_path / "classes" / name / f"{number:02}.png").write_bytes(data)
            planted[hash_of(data)] = f"a photo of a {name}."
    return tmp_path / "classes", planted


KINDS: list[tuple[dict[str, Any], dict[str, float], dict[str, float]]] = [
    ({"kind": "zero_shot"}, {"top1": 1, "mean_per_class": 1}, {"top1": 1 / 3}),
    ({"kind": "linear_probe"}, {"test.top1": 1}, {"test.top1": 1 / 3}),
    (
        {"kind": "gda"},
        {"joined.top1": 1, "alone.top1": 1, "zero_shot.top1": 1},
        {"alone.top1": 1 / 3, "zero_shot.top1": 1 / 3},
    ),
    ({"kind": "calibration"}, {"before.accuracy": 1, "before.ece": 0}, {"before.accuracy": 1 / 3}),
]


@pytest.mark.parametrize(("config", "right", "blind"), KINDS)
def test_classes(
    class_folder: tuple[Path, dict[bytes, str]],
    config: dict[str, Any],
    right: dict[str, float],
    blind: dict[str, float],
) -> None:
    folder, planted = class_folder
    config |= {"data": {"kind": "class_folder", "path": str(folder)}}
    seeing, _ = measure(config, Oracle(planted))
    guessing, made = measure(config, Oracle())
    assert {name: seeing[name].value for name in right} == pytest.approx(right, abs=1e-6)
    for name, chance in blind.items():
        low, high = guessing[name].low, guessing[name].high
        assert low is not None
        assert high is not None
        assert low <= chance <= high
        assert guessing[name].chance == pytest.approx(chance)
    assert (made.plot is not None) == (config["kind"] == "calibration")


def test_leakage(class_folder: tuple[Path, dict[bytes, str]]) -> None:
    folder, planted = class_folder
    config = {
        "kind": "leakage",
        "folds": 2,
        "shuffles": 4,
        "data": {"kind": "class_folder", "path": str(folder)},
    }
    found, made = measure(config, Oracle(planted))
    assert found["balanced_accuracy"].value == 1
    assert found["balanced_accuracy"].chance == pytest.approx(1 / 3)
    assert made.record.p_value == 1 / 5
    assert np.mean(made.record.shuffled) == pytest.approx(1 / 3, abs=0.15)


def test_robustness(class_folder: tuple[Path, dict[bytes, str]]) -> None:
    folder, planted = class_folder
    data = {"kind": "class_folder", "path": str(folder)}
    config = {"kind": "robustness", "data": data, "corruptions": ["jpeg", "jpeg", "contrast"]}
    found, made = measure(config, Oracle(planted))
    assert found["clean"].value == 1
    # 5, 4, 3, 2 and 1 of ten are left, the others are right by chance: within four standard errors.
    expected = 0.3 + 0.7 / 3
    spread = 4 * (2 / 9 * 0.7 / 300) ** 0.5
    for name in ("corrupted.jpeg", "corrupted.contrast", "mean_corrupted"):
        assert found[name].value == pytest.approx(expected, abs=spread)
        assert found[name].chance == pytest.approx(1 / 3)
    assert made.plot.count("<polyline") == 3  # and chance


def test_robustness_against_a_reference(class_folder: tuple[Path, dict[bytes, str]], tmp_path: Path) -> None:
    folder, planted = class_folder
    data = {"kind": "class_folder", "path": str(folder)}
    config = {"kind": "robustness", "data": data, "corruptions": ["jpeg", "contrast"]}
    for name, oracle, kinds in (("ref", Oracle(), ["jpeg", "contrast"]), ("less", Oracle(), ["jpeg"])):
        made = prepare("it", Parse(config | {"corruptions": kinds}))
        record = made.measure(cast(Embedder, oracle)).record
        write_results(
            tmp_path / name, checkpoint=name, records={"it": record}, main=[], data={"it": made.data}
        )
    found, _ = measure(config | {"reference": str(tmp_path / "ref")}, Oracle(planted))
    theirs = read_results(tmp_path / "ref").figures
    ratios = [
        (1 - found[name].value) / (1 - theirs[f"it.{name}"].value)
        for name in ("corrupted.jpeg", "corrupted.contrast")
    ]
    assert found["mce"].value == pytest.approx(np.mean(ratios))
    for reference, told in (
        (tmp_path / "less", "less' has no it.corrupted.contrast; evaluate it by this"),
        (tmp_path / "none", "none has no results.json; evaluate first"),
    ):
        with pytest.raises(ConfigError, match=told):
            prepare("it", Parse(config | {"reference": str(reference)}))
    config |= {"reference": str(tmp_path / "ref")}
    with pytest.raises(ConfigError, match="ref': 'other' is not there; evaluate the reference"):
        prepare("other", Parse(config))
    (folder / "cat" / "00.png").write_bytes(png("another"))
    with pytest.raises(ConfigError, match="ref': 'it' was measured on other data"):
        prepare("it", Parse(config))


def test_every_figure_has_an_interval_and_chance(
    class_folder: tuple[Path, dict[bytes, str]], write_tar: Callable[..., Path]
) -> None:
    """But for those of which docs/evaluation.md says why there is none."""
    data = {"kind": "class_folder", "path": str(class_folder[0])}
    coco_path = str(write_tar("coco/0.tar", coco({n: [f"text {n}"] for n in range(12)})).parent)
    kinds: list[dict[str, Any]] = [
        {"kind": kind, "data": data} for kind in ("zero_shot", "calibration", "linear_probe", "gda")
    ]
    kinds += [
        {"kind": "robustness", "data": data, "corruptions": ["jpeg"]},
        {"kind": "leakage", "data": data, "folds": 2, "shuffles": 1},
        {"kind": "retrieval", "data": {"kind": "coco_open", "path": coco_path}},
    ]
    without = set()
    for config in kinds:
        found, _ = measure(config, Oracle())
        for name, figure in found.items():
            if figure.chance is None or figure.low is None or figure.high is None:
                without.add(name.rpartition(".")[2])
            else:
                assert figure.low <= figure.value <= figure.high, name
    assert without == {"ece", "ece_adaptive", "ece_floor", "ece_adaptive_floor"}


def labelled(rows: list[tuple[str, str, str]]) -> list[tuple[str, bytes]]:
    """Return the members of samples of (key, class, group)."""
    return [
        member
        for key, label, group in rows
        for member in (
            (f"{key}.json", json.dumps({"label": label, "person": {"age": group}}).encode()),
            (f"{key}.png", png(key)),
        )
    ]


def test_subgroups(write_tar: Callable[..., Path]) -> None:
    rows = [(f"{n:03}", NAMES[n % 3], "old" if n < 30 else "young") for n in range(60)]
    path = write_tar("tar/0.tar", labelled(rows)).parent
    planted = {hash_of(png(key)): f"a photo of a {label}." for key, label, _ in rows[30:]}
    data = {"kind": "tar", "path": str(path), "label": "label", "group": "person.age"}
    found, made = measure({"kind": "subgroups", "data": data}, Oracle(planted))
    assert found["groups.young"].value == 1
    assert made.record.worst_group == "old"
    old = found["groups.old"]
    assert old.low is not None
    assert old.high is not None
    assert old.low <= 1 / 3 <= old.high
    assert found["gap"].value == pytest.approx(1 - old.value)
    assert made.record.p_value < 0.01


def test_out_of_distribution(class_folder: tuple[Path, dict[bytes, str]], write_tar: Any) -> None:
    folder, planted = class_folder
    rows = [(f"{n:03}", NAMES[n % 3], "x") for n in range(40)]
    outside = write_tar("tar/0.tar", labelled(rows)).parent
    config = {
        "kind": "out_of_distribution",
        "data": {"kind": "class_folder", "path": str(folder)},
        "outside": {"kind": "tar", "path": str(outside), "label": "label"},
    }
    seeing, _ = measure(config, Oracle(planted))
    guessing, _ = measure(config, Oracle())
    for score in ("mcm", "max_logit", "energy"):
        assert seeing[f"{score}.auroc"].value > 0.99
        assert seeing[f"{score}.fpr95"].value < 0.05
        low, high = guessing[f"{score}.auroc"].low, guessing[f"{score}.auroc"].high
        assert low is not None
        assert high is not None
        assert low <= 0.5 <= high
    with pytest.raises(ValueError, match="60 pictures of outside are also in data"):
        prepare("it", Parse(config | {"outside": config["data"]}))


def coco(captions: dict[int, list[str]]) -> list[tuple[str, bytes]]:
    return [
        member
        for number, texts in captions.items()
        for member in (
            (f"{number:03}.jpg", png(f"picture {number}")),
            (f"{number:03}.json", json.dumps({"coco_id": number, "captions": texts}).encode()),
        )
    ]


def test_retrieval(write_tar: Callable[..., Path]) -> None:
    captions = {n: [] if n % 5 == 4 else [f"text {n} {k}" for k in range(n % 3 + 1)] for n in range(60)}
    path = write_tar("coco/0.tar", coco(captions)).parent
    planted = {hash_of(png(f"picture {n}")): texts[0] for n, texts in captions.items() if texts}
    config = {"kind": "retrieval", "data": {"kind": "coco_open", "path": str(path)}, "k": [1, 3]}
    made = prepare("it", Parse(config))
    texts = sum(len(own) for own in captions.values())
    assert made.notes == {"pictures": 48, "captions": texts, "without_caption": 12}
    seeing, _ = measure(config, Oracle(planted))
    guessing, result = measure(config, Oracle())
    assert seeing["image_to_text.recall.1"].value == 1
    # The first caption finds its picture; of the others a share of about 1 / 48.
    assert seeing["text_to_image.recall.1"].value == pytest.approx(48 / texts, abs=0.05)
    for name in ("image_to_text.recall.3", "text_to_image.recall.1"):
        low, chance, high = guessing[name].low, guessing[name].chance, guessing[name].high
        assert low is not None
        assert chance is not None
        assert high is not None
        assert low <= chance <= high
    assert result.plot.count("<polyline") == 4


def test_sugar_crepe(write_tar: Callable[..., Path], tmp_path: Path) -> None:
    images = write_tar("coco/0.tar", coco({n: [f"a caption {n}"] for n in range(20)})).parent
    kinds = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")
    for kind in kinds:
        entries = {
            str(n): {
                "filename": f"{n % 25:012}.jpg",
                "caption": f"{kind} true {n % 25}",
                "negative_caption": f"{kind} false {n}",
            }
            for n in range(50)
        }
        (tmp_path / f"{kind}.json").write_text(json.dumps(entries))
    data = {"kind": "sugar_crepe", "path": str(tmp_path), "images": str(images)}
    config = {"kind": "compositional", "data": data}
    assert prepare("it", Parse(config)).notes == {
        "pairs": 280, "pictures": 20, "pairs_without_picture": 70,
    }  # fmt: skip
    planted = {hash_of(png(f"picture {n}")): f"swap_obj true {n}" for n in range(20)}
    seeing, _ = measure(config, Oracle(planted))
    assert seeing["model.types.swap_obj.accuracy"].value == 1
    guessing, _ = measure(config, Oracle())
    figure = guessing["model.overall.accuracy"]
    assert figure.n == 280
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low <= 0.5 <= figure.high
    # "true" and "false" are in every pair: words alone tell them apart, and the model must not.
    assert guessing["blind.bag_of_words.overall.accuracy"].value == 1
    assert guessing["blind.mean_picture.overall.accuracy"].value < 0.8
    assert guessing["blind.plausible.overall.accuracy"].n == 280


def test_statements(write_tar: Callable[..., Path]) -> None:
    members = []
    planted = {}
    for n in range(80):
        sentence, is_true = f"sentence {n // 8}", n % 8 < 5
        data = png(f"scene number {n}")
        members += [
            (f"{n:03}.json", json.dumps({"text": sentence, "label": int(is_true)}).encode()),
            (f"{n:03}.png", data),
        ]
        if is_true:
            planted[hash_of(data)] = sentence
    path = write_tar("nlvr/0.tar", members).parent
    config = {"kind": "statements", "data": {"kind": "nlvr_scenes", "path": str(path)}}
    seeing, _ = measure(config, Oracle(planted))
    assert (seeing["pooled"].value, seeing["within"].value) == (1, 1)
    guessing, made = measure(config, Oracle())
    assert made.record.sentences == 10
    for name in ("pooled", "within"):
        low, high = guessing[name].low, guessing[name].high
        assert low is not None
        assert high is not None
        assert low <= 0.5 <= high


def data_of(config: dict[str, Any]) -> str:
    return prepare("it", Parse(config)).data


def test_the_fingerprint_follows_the_items(class_folder: tuple[Path, dict[bytes, str]]) -> None:
    folder, _ = class_folder
    data = {"kind": "class_folder", "path": str(folder)}
    zero_shot = {"kind": "zero_shot", "data": data}
    probe = {"kind": "linear_probe", "data": data}
    before = [data_of(zero_shot), data_of(probe), data_of(probe | {"seed": 1})]
    assert len(set(before)) == 3
    assert data_of(zero_shot | {"templates": "an image of {}"}) == before[0]
    folder.rename(folder.with_name("moved"))
    data["path"] = str(folder.with_name("moved"))
    assert [data_of(zero_shot), data_of(probe), data_of(probe | {"seed": 1})] == before
    (folder.with_name("moved") / "cat" / "00.png").write_bytes(png("other"))
    assert data_of(zero_shot) != before[0]


def test_numbered_classes(write_tar: Callable[..., Path]) -> None:
    path = write_tar("tar/0.tar", labelled([(str(n), str(n % 2), "x") for n in range(4)])).parent
    data = {"kind": "tar", "path": str(path), "label": "label", "classes": list(NAMES)}
    assert prepare("it", Parse({"kind": "zero_shot", "data": data})).notes == {"pictures": 4, "classes": 3}
    with pytest.raises(ConfigError, match="'label' is '1', but classes names 0 to 0; mend classes"):
        prepare("it", Parse({"kind": "zero_shot", "data": data | {"classes": ["cat"]}}))
    with pytest.raises(ConfigError, match="has two classes named 'cat'"):
        prepare("it", Parse({"kind": "zero_shot", "data": data | {"classes": ["cat", "cat"]}}))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"kind": "linear_probe", "folds": 61}, "60 clusters cannot be cut into 61 folds"),
        ({"kind": "gda", "folds": 3}, None),
        ({"kind": "leakage", "folds": 21}, "the rarest of 20 pictures"),
    ],
)
def test_too_few(class_folder: tuple[Path, dict[bytes, str]], config: dict[str, Any], told: str) -> None:
    config = config | {"data": {"kind": "class_folder", "path": str(class_folder[0])}}
    if told is None:
        assert prepare("it", Parse(config)).notes["train"] == 20
        return
    with pytest.raises(ValueError, match=told):
        prepare("it", Parse(config))


@pytest.mark.parametrize("kind", ["linear_probe", "gda"])
def test_classes_of_one_picture_cannot_be_fitted(tmp_path: Path, kind: str) -> None:
    for number in range(8):
        (tmp_path / f"class{number}").mkdir()
        (tmp_path / f"class{number}" / "0.png").write_bytes(png(str(number)))
    told = (
        r"class 'class\d' has 1 different picture\(s\), none of them left to fit \(4 of 8 classes are so\); "
        "give each class three or more, remove such classes, or measure them by zero_shot"
    )
    with pytest.raises(ValueError, match=told):
        prepare(
            "it", Parse({"kind": kind, "folds": 4, "data": {"kind": "class_folder", "path": str(tmp_path)}})
        )


def test_what_is_left_out_of_a_folder_is_said(class_folder: tuple[Path, dict[bytes, str]]) -> None:
    folder, _ = class_folder
    (folder / "cat" / "notes.txt").write_text("by hand")
    (folder / "dog" / ".DS_Store").write_text("")
    made = prepare("it", Parse({"kind": "zero_shot", "data": {"kind": "class_folder", "path": str(folder)}}))
    assert made.notes == {
        "pictures": 60, "classes": 3, "left_out_hidden_files": 1, "left_out_other_files": 1,
    }  # fmt: skip
    broken = folder / "owl" / "07.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(RunError, match=r"owl/07.png: its picture cannot be decoded \(.*\); remove it$"):
        prepare("it", Parse({"kind": "zero_shot", "data": {"kind": "class_folder", "path": str(folder)}}))
