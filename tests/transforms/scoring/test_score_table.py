import io
import json

import numpy as np
import pyarrow.parquet as pq

from transforms.scoring.score_table import Scores, score_table, scores_in, scores_json

FIELDS, WORDS = ("long_positive", "recaption"), ("long_positive",)
ROWS = [
    Scores(
        index=7,
        uid="b",
        clip_alt=0.25,
        clip_caption=None,
        fields={"long_positive": [0.5, None], "recaption": None},
        wrong_words={"long_positive": [["a", "dog"], []]},
        f_clipscore={"long_positive": [-0.5, None]},
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
    assert whole.fields == {"long_positive": [0.5, None], "recaption": None}
    assert whole.wrong_words == {"long_positive": [["a", "dog"], []]}
    assert whole.f_clipscore == {"long_positive": [-0.5, None]}
    assert whole.image is not None
    np.testing.assert_array_equal(whole.image, [0.5, -0.25])
    np.testing.assert_array_equal(whole.texts["a dog"], [1, 0])


def test_published_scores_are_numbers_lists_and_nulls() -> None:
    assert json.loads(json.dumps(scores_json(ROWS[0]), allow_nan=False)) == {
        "clip_alt": 0.25,
        "clip_caption": None,
        "clip_long_positive": [0.5, None],
        "clip_recaption": None,
        "f_clipscore_grad_long_positive": [-0.5, None],
    }


def test_the_better_of_both() -> None:
    def best(alt: float | None, caption: float | None) -> float | None:
        return Scores(index=0, uid="u", clip_alt=alt, clip_caption=caption).clip_best

    assert [best(0.1, 0.2), best(0.3, None), best(None, None)] == [0.2, 0.3, None]
