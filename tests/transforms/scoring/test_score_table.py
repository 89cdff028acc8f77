import io

import numpy as np
import pyarrow.parquet as pq

from lvlm_workers.clip_words import WordScore, WordScores
from transforms.scoring.score_table import Scores, score_table, scores_in

FIELDS, WORDS = ("long_positive", "recaption"), ("long_positive",)
DOG = WordScores(words=(WordScore(word="dog", start=2, end=5, score=-0.5),), cosine=0.25, unread=1)
ROWS = [
    Scores(
        index=7,
        uid="b",
        clip_alt=0.25,
        clip_caption=None,
        captions={"a dog": 0.25, "": None},
        fields={"long_positive": [0.5, None], "recaption": None},
        words={"long_positive": [DOG, WordScores(words=(), cosine=None)]},
        quality=-0.5,
        tags={"style": "photo", "background": "city"},
        clip_masked=0.125,
        text_printed=0.75,
        image=np.array([0.5, -0.25], np.float16),
        texts={"a dog": np.array([1, 0], np.float16)},
    ),
    Scores(index=2, uid="a", reason="truncated"),
]


def test_what_is_written_is_read_back_in_order() -> None:
    stream = io.BytesIO()
    pq.write_table(score_table(ROWS, FIELDS, WORDS), stream)
    failed, whole = scores_in(pq.read_table(io.BytesIO(stream.getvalue())))
    assert (failed.index, failed.uid, failed.reason, failed.fields) == (2, "a", "truncated", {})
    assert (failed.clip_alt, failed.image, failed.texts) == (None, None, {})
    assert (whole.quality, whole.clip_masked, whole.text_printed) == (-0.5, 0.125, 0.75)
    assert list((whole.tags or {}).items()) == [("style", "photo"), ("background", "city")]
    assert (failed.quality, failed.tags, failed.clip_masked, failed.text_printed) == (None,) * 4
    assert whole.fields == {"long_positive": [0.5, None], "recaption": None}
    assert whole.words == {"long_positive": [DOG, WordScores(words=(), cosine=None)]}
    assert whole.captions == {"a dog": 0.25, "": None}
    assert whole.image is not None
    np.testing.assert_array_equal(whole.image, [0.5, -0.25])
    np.testing.assert_array_equal(whole.texts["a dog"], [1, 0])


def test_the_better_of_both() -> None:
    def best(alt: float | None, caption: float | None) -> float | None:
        return Scores(index=0, uid="u", clip_alt=alt, clip_caption=caption).clip_best

    assert [best(0.1, 0.2), best(0.3, None), best(None, None)] == [0.2, 0.3, None]
