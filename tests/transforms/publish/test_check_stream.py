import hashlib
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.publish.check_stream import HashedReader


class Counting(io.BytesIO):
    """Counts the bytes that are read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


@settings(max_examples=30)
@given(st.binary(max_size=5000), st.lists(st.integers(0, 2000), max_size=8))
def test_the_hash_of_the_whole_however_it_is_read(data: bytes, sizes: list[int]) -> None:
    stream = Counting(data)
    reader = HashedReader(stream)
    plain = io.BytesIO(data)
    assert [reader.read(size) for size in sizes] == [plain.read(size) for size in sizes]
    assert reader.finish() == (len(data), hashlib.sha256(data).hexdigest())
    assert stream.taken == len(data)


def test_more_than_is_read_at_a_time() -> None:
    data = bytes(range(256)) * 12_289
    reader = HashedReader(io.BytesIO(data))
    assert reader.read(3) == data[:3]
    assert reader.finish() == (len(data), hashlib.sha256(data).hexdigest())
