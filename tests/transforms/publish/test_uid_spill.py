from collections import defaultdict
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.publish.uid_spill import by_uid


@settings(max_examples=20)
@given(st.lists(st.tuples(st.text(st.characters(), max_size=2), st.integers(), st.none() | st.floats(0, 1))))
def test_every_row_comes_again_beside_those_of_its_uid(rows: list[tuple[str, int, float | None]]) -> None:
    of_uid = defaultdict(list)
    for row in rows:
        of_uid[row[0]].append(list(row))
    found = [list(part) for part in by_uid(rows)]
    assert sorted(map(repr, chain.from_iterable(found))) == sorted(repr(list(row)) for row in rows)
    for uid, wanted in of_uid.items():
        (part,) = (part for part in found if uid in [row[0] for row in part])
        assert [row for row in part if row[0] == uid] == wanted
