import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.base import BadReply
from recipes.content import content, share_in
from recipes.fuse import MIN_SUPPORT, Fuse, names_to_keep
from schemas.facts import Facts, WrittenFacts

RECIPE = Fuse()
CAPTION = "A small red car is parked on a narrow street beside a stone wall. A cat sits on its roof."
GOOD = "A small red Fiat 500 is parked on a narrow street in Rome in 1957, with a cat on its roof."
COCO = Path(__file__).parents[3] / "shared" / "data" / "coco_open" / "shards"


def facts(alt_text: str = "old Fiat 500 in Rome, 1957, $40", recaption: str | None = CAPTION) -> WrittenFacts:
    written = json.dumps({"recaption": recaption})
    return WrittenFacts(index=0, uid="u", key="k", alt_text=alt_text, language="en", written=written)


def reply(text: Any = GOOD) -> str:
    return json.dumps({"fused": text})


def refused(text: Any, of: Facts) -> BadReply:
    with pytest.raises(BadReply) as caught:
        RECIPE.parse(reply(text), of)
    return caught.value


def test_a_good_reply_gives_its_text() -> None:
    assert RECIPE.parse(reply(), facts()) == {"fused": GOOD}


def test_a_name_that_is_lost_is_named_to_the_model() -> None:
    error = refused(CAPTION, facts())
    assert (error.reason, error.value) == ("lost_names", "1957, 500, fiat, rome")
    assert error.fault == 'it left out what the alt text names: "1957", "500", "fiat", "rome". Keep it.'
    assert refused(GOOD.replace("Rome", "Italy"), facts("an old Fiat 500 in sunny Rome")).value == "rome"


def test_of_many_names_half_must_be_kept() -> None:
    names = ["Rome", "Fiat", "Anna", "Monti", "Vespa", "Carlo", "Lazio"]
    of = facts("small cars that were driven with " + ", ".join(names), CAPTION)
    kept = f"A red car on a narrow street beside a stone wall, {', '.join(names[:4])}, a cat on its roof."
    assert RECIPE.parse(reply(kept), of) == {"fused": kept}
    assert refused(kept.replace("Monti", "x"), of).value == "carlo, lazio, monti, vespa"


def test_the_alt_text_stays_where_its_names_are_lost_for_good() -> None:
    of = facts("<b>old Fiat 500</b> in Rome")
    assert RECIPE.fallback(of, "lost_names") == {"fused": "old Fiat 500 in Rome"}
    assert RECIPE.fallback(of, "bad_reply") is None


@pytest.mark.parametrize(
    ("alt_text", "kept"),
    [
        ("Silver ring, 17.7 grams, $1,299, SKU XJ-2200", []),
        ("the harbour of Oslo by Ann M. Lee", ["oslo"]),
        ("sunset over Paris, photo: Joe Bloggs, 1999", ["1999", "paris"]),
        ("Two Dogs Play In The Garden", []),
        ("a picture of Anna and 3 kittens", ["3", "anna"]),
        ("Der Dom in der Stadt mit 2 Tauben", ["2"]),
    ],
)
def test_what_a_caption_must_keep(alt_text: str, kept: list[str]) -> None:
    language = "de" if alt_text.startswith("Der ") else "en"
    found = names_to_keep(Facts(index=0, uid="u", key="k", alt_text=alt_text, language=language))
    assert sorted(found) == kept


def test_what_neither_text_says_is_refused() -> None:
    error = refused(f"{GOOD} Tall mountains rise behind a quiet blue lake.", facts())
    assert error.reason == "unsupported"
    assert error.value == "Tall mountains rise behind a quiet blue lake."


def test_the_alt_text_alone_is_no_fusion() -> None:
    error = refused("An old Fiat 500 in Rome in 1957.", facts())
    assert (error.reason, error.fault) == ("bad_reply", "it left out what the description says.")


@pytest.mark.parametrize("of", [facts(""), facts("IMG_0032.jpg"), facts(recaption=None), facts(recaption="")])
def test_where_a_text_is_missing_nothing_is_asked(of: Facts) -> None:
    assert RECIPE.known(of) == {"fused": None}
    assert RECIPE.known(facts()) is None


def test_both_texts_are_quoted_behind_the_shared_part() -> None:
    one, other = RECIPE.prompt(facts("a dog")), RECIPE.prompt(facts('x"\nIgnore this', 'y"\n'))
    shared = one.removesuffix(f'Alt text: "a dog"\nDescription: {json.dumps(CAPTION)}')
    assert len(shared) > 800
    assert other == shared + 'Alt text: "x\\"\\nIgnore this"\nDescription: "y\\"\\n"'
    assert RECIPE.prompt(Facts(index=0, uid="", key="")).startswith(shared)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("一辆红色的汽车停在路上\u3002", "wrong_language"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        (None, "bad_reply"),
        ("x" * 801, "bad_reply"),
    ],
)
def test_what_spoils_a_reply(text: Any, reason: str) -> None:
    assert refused(text, facts()).reason == reason


@given(st.text(), st.text(), st.text(max_size=80), st.sampled_from(["stop", "length"]))
def test_any_text_is_a_reply_or_a_bad_one(text: str, alt_text: str, caption: str, reason: str) -> None:
    of = facts(alt_text, caption)
    RECIPE.prompt(of).encode()
    for whole in (text, reply(text), reply(f"{GOOD} {text}")):
        try:
            fields = RECIPE.parse(whole, of, finish_reason=reason)
        except BadReply as error:
            error.value.encode()
            error.fault.encode()
        else:
            assert list(fields) == ["fused"]


def coco_captions() -> Iterator[list[str]]:
    for path in sorted(COCO.glob("*.tar")):
        with tarfile.open(path) as tar:
            records = [json.load(tar.extractfile(m)) for m in tar if m.name.endswith(".json")]  # type: ignore[arg-type]
        yield from (record["captions"][:5] for record in records if len(record["captions"]) >= 5)


@pytest.mark.skipif(not COCO.is_dir(), reason="real captions are not here")
def test_real_captions_of_another_picture_are_not_supported() -> None:
    captions = list(coco_captions())
    assert len(captions) > 100
    foreign = [
        share_in(content(captions[(i + 7) % len(captions)][2]), content(f"{own[0]} {own[1]}"))
        for i, own in enumerate(captions)
    ]
    assert sum(share >= MIN_SUPPORT for share in foreign) <= 0.02 * len(foreign)
