"""Downloads against a loopback server that behaves, drops, lies, or refuses."""

import errno
import json
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from stash_sense import errors
from stash_sense.domain.progress import NO_PROGRESS, NoProgress
from stash_sense.errors import Busy, MissingFile
from stash_sense.models import download, manifest, prepare, verify

pytestmark = pytest.mark.slow

download_module = sys.modules["stash_sense.models.download"]  # the name itself is the function
QUICK = download.DownloadLimits(connect_s=60, stall_s=60, total_s=120, attempts=2, pause_s=0.01)


@pytest.fixture
def fetch(tiny_pack, tmp_path):
    def run(**limits):
        progress = limits.pop("progress", NO_PROGRESS)
        bounds = download.DownloadLimits(**{**vars(QUICK), **limits})
        return download.download_pack(tiny_pack, tmp_path, progress, limits=bounds)

    return run


@pytest.fixture
def folder(tiny_pack, tmp_path):
    return prepare.pack_folder(tiny_pack.id, tmp_path)


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if ".part" in path.name)


def test_a_downloaded_pack_is_prepared_and_runs(fetch, tiny_pack, tmp_path, folder, runner):
    fetch()
    prepared = prepare.prepare_pack(tiny_pack, tmp_path)
    for role in ("facenet", "arcface"):
        slot = getattr(prepared.manifest.slots, role)
        (embeddings,) = runner(prepared.paths[role])(
            {"picture": np.ones((2, slot.size, slot.size, 3), dtype=np.float32)}
        )
        assert embeddings.shape == (2, slot.dimension)
    assert leftovers(folder) == []
    assert {check.outcome for check in verify.verify_pack(tiny_pack, tmp_path)} == {"intact"}


def test_what_is_there_is_not_fetched_again(fetch, server):
    fetch()
    before = len(server.requests)
    fetch()
    assert len(server.requests) == before == 2


def test_a_pack_without_downloads_asks_nobody(tmp_path):
    assert download.download_pack(manifest.DEFAULT_PACK, tmp_path) == []


def test_a_dropped_connection_is_resumed_where_it_broke(fetch, server):
    server.drop_after = [2000, 1000]
    fetch()
    assert server.requests[:3] == [
        ("/facenet512.onnx", None, None),
        ("/facenet512.onnx", "bytes=2000-", '"v1"'),
        ("/facenet512.onnx", "bytes=3000-", '"v1"'),
    ]


def test_a_later_run_resumes_what_an_earlier_one_gave_up(fetch, server, folder):
    server.drop_after = [2000]
    server.statuses = [None, 503, 503]
    with pytest.raises(errors.DownloadFailed, match=r"kept.*again"):
        fetch()
    assert leftovers(folder) == ["facenet512.onnx.part", "facenet512.onnx.part.json"]
    fetch()
    assert server.requests[3] == ("/facenet512.onnx", "bytes=2000-", '"v1"')
    assert leftovers(folder) == []


def test_a_server_without_ranges_starts_afresh(fetch, server):
    server.ranges = False
    server.drop_after = [2000]
    fetch()
    assert server.requests[1][1] == "bytes=2000-"


def test_a_drop_is_noticed_without_a_content_length(fetch, server):
    server.lengths = False
    server.drop_after = [2000]
    fetch()
    assert server.requests[1][1] == "bytes=2000-"


def test_a_file_that_changed_on_the_server_is_not_glued_to_the_old_half(fetch, server, folder):
    right = server.files["/facenet512.onnx"]
    server.files["/facenet512.onnx"] = bytes(len(right))
    server.drop_after = [2000]
    server.statuses = [None, 503, 503]
    with pytest.raises(errors.DownloadFailed):
        fetch()
    server.files["/facenet512.onnx"], server.etag = right, '"v2"'
    fetch()
    assert (folder / "facenet512.onnx").read_bytes() == right


def test_a_half_of_another_version_costs_one_fresh_start_where_nobody_says_so(fetch, server, folder):
    right = server.files["/facenet512.onnx"]
    server.etag = None
    server.files["/facenet512.onnx"] = bytes(len(right))
    server.drop_after = [2000]
    server.statuses = [None, 503, 503]
    with pytest.raises(errors.DownloadFailed):
        fetch()
    server.files["/facenet512.onnx"] = right
    fetch()
    assert (folder / "facenet512.onnx").read_bytes() == right


def test_wrong_bytes_are_deleted_and_said(fetch, server, folder):
    right = server.files["/facenet512.onnx"]
    server.files["/facenet512.onnx"] = bytes(len(right))
    with pytest.raises(errors.DownloadFailed, match=r"sha256.*deleted"):
        fetch()
    assert leftovers(folder) == []
    assert not (folder / "facenet512.onnx").exists()


@pytest.mark.parametrize("lengths", [True, False])
def test_a_file_that_is_too_long_is_deleted_and_said(fetch, server, folder, lengths):
    server.lengths = lengths
    server.files["/facenet512.onnx"] += b"more"
    with pytest.raises(errors.DownloadFailed, match="manifest"):
        fetch()
    assert leftovers(folder) == []


def test_a_file_that_comes_packed_is_refused_without_unpacking_it(fetch, server):
    server.encoding = "gzip, gzip"
    with pytest.raises(errors.DownloadFailed, match="packed, although asked not to"):
        fetch()


def test_a_file_that_is_too_short_is_said(fetch, server):
    server.files["/facenet512.onnx"] = server.files["/facenet512.onnx"][:-1]
    with pytest.raises(errors.DownloadFailed, match="manifest"):
        fetch()


def test_a_refusal_is_said_at_once(fetch, server):
    server.statuses = [404]
    with pytest.raises(errors.DownloadFailed, match="404"):
        fetch()
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again(fetch, server):
    server.statuses = [503, 429, None]
    fetch(attempts=3)
    assert len(server.requests) == 4


def test_nobody_listening_is_said(tiny_pack, tmp_path):
    files = tuple(
        file.model_copy(update={"source": manifest.UrlSource(url="http://127.0.0.1:9/x")})
        if isinstance(file.source, manifest.UrlSource)
        else file
        for file in tiny_pack.files
    )
    with pytest.raises(errors.DownloadFailed, match=r"127\.0\.0\.1:9"):
        download.download_pack(tiny_pack.model_copy(update={"files": files}), tmp_path, limits=QUICK)


def test_the_time_limit_keeps_what_has_arrived(fetch, folder):
    with pytest.raises(errors.DownloadFailed, match="not done after 0 s"):
        fetch(total_s=0)
    assert "facenet512.onnx.part" in leftovers(folder)


class Stages(NoProgress):
    """Remembers each stage as [name, total, last done]."""

    def __init__(self):
        self.stages = []

    def start(self, stage, total):
        self.stages.append([stage, total, 0])

    def update(self, done, *, faces=0, people=0):
        self.stages[-1][2] = done


def test_progress_counts_bytes_up_to_the_size(fetch, tiny_pack):
    progress = Stages()
    fetch(progress=progress)
    assert progress.stages == [[file.name, file.size, file.size] for file in tiny_pack.downloads]


def test_a_disk_without_room_is_said_before_anything_is_fetched(fetch, server, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(total=10, used=10, free=0))
    with pytest.raises(errors.NoSpace, match="Free some space"):
        fetch()
    assert server.requests == []


def test_a_disk_that_fills_up_meanwhile_is_said(fetch, monkeypatch):
    def full(self, response, out):
        with download_module.explained_write_errors(self._part.path):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download_module._Fetch, "_receive", full)
    with pytest.raises(errors.NoSpace, match="no space left"):
        fetch()


def test_two_downloads_at_once_do_not_share_a_part(fetch, folder, monkeypatch):
    monkeypatch.setattr(download_module, "BUSY_WAIT_S", 0.05)
    with download_module.pack_lock(folder, "download"), pytest.raises(Busy):
        fetch()


def test_a_pack_that_was_not_downloaded_says_how(tiny_pack, tmp_path):
    with pytest.raises(MissingFile, match="stash-sense models download stash-sense-community"):
        prepare.prepare_pack(tiny_pack, tmp_path)
    status = verify.pack_status(tiny_pack, tmp_path)
    assert status.state == "missing"
    assert {file.command for file in status.files} == {
        "",
        "stash-sense models download stash-sense-community",
    }


def test_an_altered_download_is_not_run(fetch, tiny_pack, tmp_path, folder):
    fetch()
    prepare.prepare_pack(tiny_pack, tmp_path)
    path = folder / "arcface.onnx"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(errors.AlteredFile, match="models download"):
        prepare.prepare_pack(tiny_pack, tmp_path)
    assert [check.outcome for check in verify.verify_pack(tiny_pack, tmp_path)].count("altered") == 1
    fetch()
    prepare.prepare_pack(tiny_pack, tmp_path)


def test_a_note_of_another_file_is_not_resumed(fetch, server, folder):
    folder.mkdir(parents=True)
    (folder / "facenet512.onnx.part").write_bytes(b"x" * 100)
    note = {"url": "http://elsewhere/", "sha256": "0" * 64, "validator": None}
    (folder / "facenet512.onnx.part.json").write_text(json.dumps(note))
    fetch()
    assert server.requests[0] == ("/facenet512.onnx", None, None)
