import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from contrastive_trainer.data import remote
from contrastive_trainer.data.batch_reader import BatchReader
from contrastive_trainer.data.remote import beside, is_remote, open_copy, read_small, tar_name
from contrastive_trainer.data.shard_files import ShardFiles
from contrastive_trainer.data.shard_list import list_shards
from schemas.errors import ConfigError


class Server(ThreadingHTTPServer):
    """Serves a folder, counts what is asked for, and may cut transfers short or never end them."""

    asked: Counter[str]
    cut: bool = False
    stall: threading.Event | None = None


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        self.path = self.path.partition("?")[0]
        if self.server.cut or self.server.stall:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
            self.wfile.flush()
            if self.server.stall:
                self.server.stall.wait(30)
            return
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    with Server(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        server.asked = Counter()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url(server: Server, name: str) -> str:
    return f"http://127.0.0.1:{server.server_port}/{name}"


def test_names_of_remote_tars() -> None:
    assert is_remote("https://h/0.tar")
    assert is_remote("pipe:cat 0.tar")
    assert not is_remote("/data/0.tar")
    assert tar_name("pipe:curl -sH 'Key: secret' https://h/a/00001.tar?x=y") == "00001.tar"
    assert tar_name("pipe:cat a.tar | tee b.tar -") == "b.tar"
    assert tar_name("https://h/secret") == "a remote shard"
    assert beside("https://h/a/0.tar?key=1", "sizes.json") == "https://h/a/sizes.json?key=1"
    assert beside("https://h/a", "sizes.json") is None


def test_a_published_set_is_trained_on_over_http(make: Any, tmp_path: Path, server: Server) -> None:
    make.pack_set(tmp_path / "served", [4, 3, 5])
    local = make.configure(tmp_path / "served")
    there = make.configure(
        [url(server, "{00000..00002}.tar")], data={"cache": str(tmp_path / "cache"), "shuffle_shards": 2}
    )
    here = make.configure(tmp_path / "served", data={"shuffle_shards": 2})
    assert local.batch == 4
    readers = [
        BatchReader(list_shards(config.data.shards), config, make.encode, image_size=8)
        for config in (there, here)
    ]
    for step in range(3):
        assert readers[0][step].samples == readers[1][step].samples
        assert readers[0][step].image_BCHW.equal(readers[1][step].image_BCHW)
    # Each shard was fetched once, and only a window and one shard more is kept.
    assert server.asked == {"/sizes.json": 1, "/00000.tar": 1, "/00001.tar": 1, "/00002.tar": 1}
    assert len(list((tmp_path / "cache").glob("*.tar"))) <= 3


def test_a_copy_is_shared_and_removed_when_it_is_no_longer_kept(
    make: Any, tmp_path: Path, server: Server
) -> None:
    make.pack_set(tmp_path / "served", [2, 2])
    shards = list_shards([url(server, "{00000..00001}.tar")])
    cache = tmp_path / "cache"
    first, second = (ShardFiles(str(cache), keep=1) for _ in range(2))
    assert [files.read(shards[0], 1).uid for files in (first, second)] == ["u1", "u1"]
    assert server.asked["/00000.tar"] == 1
    assert first.read(shards[1], 0).uid == "u2"
    assert len(list(cache.glob("*.tar"))) == 1
    assert second.read(shards[0], 0).uid == "u0"  # it has the bytes still open


def test_a_pipe_is_a_remote_shard(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path, [2])
    shard = list_shards([f"pipe:cat {tmp_path}/00000.tar"])[0]
    assert (shard.name, shard.samples) == ("00000.tar", 2)
    assert ShardFiles(str(tmp_path / "cache"), keep=1).read(shard, 1).uid == "u1"


def test_unknown_sizes_of_remote_shards_are_an_error(make: Any, tmp_path: Path, server: Server) -> None:
    make.pack(tmp_path / "served" / "00000.tar", [make.sample_parts(0)])
    with pytest.raises(
        ConfigError, match=r"how many samples 00000\.tar holds is not known; put a sizes\.json"
    ):
        list_shards([url(server, "00000.tar?key=secret")])


def test_without_a_folder_for_copies_there_is_an_error(make: Any, tmp_path: Path, server: Server) -> None:
    make.pack_set(tmp_path / "served", [1])
    shard = list_shards([url(server, "00000.tar")])[0]
    with pytest.raises(ConfigError, match=r"00000\.tar is remote; give data\.cache"):
        ShardFiles(None, keep=1).read(shard, 0)


def test_a_missing_shard_is_an_error_without_its_secrets(tmp_path: Path, server: Server) -> None:
    with pytest.raises(OSError, match=r"^00007\.tar cannot be read: ") as caught:
        open_copy(url(server, "00007.tar?key=secret"), str(tmp_path / "cache"))
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_a_scheme_that_webdataset_does_not_know_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"00007\.tar cannot be read: ValueError: .*no gopen handler"):
        open_copy("s3://bucket/00007.tar", str(tmp_path))


def test_a_transfer_that_is_cut_short_leaves_no_copy(tmp_path: Path, server: Server) -> None:
    server.cut = True
    with pytest.raises(OSError, match="exit 18"):
        open_copy(url(server, "00007.tar"), str(tmp_path / "cache"))
    assert not list((tmp_path / "cache").glob("*.tar"))


def test_a_transfer_that_stalls_is_given_up(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "STALL_S", 0.3)
    server.stall = threading.Event()
    try:
        with pytest.raises(OSError, match=r"no byte came for 0\.3 s"):
            open_copy(url(server, "00007.tar"), str(tmp_path / "cache"))
    finally:
        server.stall.set()


def test_a_small_file_that_is_large_is_refused(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "served" / "sizes.json").write_text(json.dumps({"0.tar": 1}))
    assert read_small(url(server, "sizes.json")) == b'{"0.tar": 1}'
    monkeypatch.setattr(remote, "_MAX_SMALL_BYTES", 5)
    with pytest.raises(OSError, match="over 5 bytes"):
        read_small(url(server, "sizes.json"))


def test_many_readers_fetch_a_shard_once(make: Any, tmp_path: Path, server: Server) -> None:
    make.pack_set(tmp_path / "served", [1])
    shard = list_shards([url(server, "00000.tar")])[0]
    readers = [ShardFiles(str(tmp_path / "cache"), keep=1) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:  # locks are held by open files, so threads contend as processes do
        assert list(pool.map(lambda files: files.read(shard, 0).uid, readers)) == ["u0"] * 4
    assert server.asked["/00000.tar"] == 1
