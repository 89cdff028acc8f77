import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.publish.tar_writer import MAX_SIZE, RECORD, TarWriter, make_header

MEMBERS = st.lists(
    st.tuples(st.from_regex(r"[0-9]{9}\.(jpg|json|txt)", fullmatch=True), st.binary(max_size=1100)),
    max_size=8,
)


def _ours(members: list[tuple[str, bytes]]) -> tuple[bytes, list[int]]:
    stream = io.BytesIO()
    writer = TarWriter(stream)
    offsets = [writer.add(name, data) for name, data in members]
    writer.close()
    return stream.getvalue(), offsets


def _standard(members: list[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


@given(MEMBERS)
def test_bytes_are_those_of_tarfile(members: list[tuple[str, bytes]]) -> None:
    archive, offsets = _ours(members)
    assert archive == _standard(members)
    assert [archive[o : o + len(data)] for o, (_, data) in zip(offsets, members, strict=True)] == [
        data for _, data in members
    ]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 8 * 1024 - 1, RECORD - 1024 - 512, RECORD])
def test_padding_at_the_edges(size: int) -> None:
    members = [("000000000.txt", bytes(size))]
    assert _ours(members)[0] == _standard(members)


def test_header_of_the_largest_size() -> None:
    info = tarfile.TarInfo("a")
    info.size = MAX_SIZE
    assert make_header("a", MAX_SIZE) == info.tobuf(tarfile.USTAR_FORMAT)
    with pytest.raises(ValueError, match="at most 8589934591"):
        make_header("a", MAX_SIZE + 1)


@pytest.mark.parametrize("name", ["", "é", "a" * 101])
def test_names_that_do_not_fit(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 100 ASCII"):
        make_header(name, 1)
