"""Prepared files are whole, made once, and mended where they can be."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stash_sense import errors
from stash_sense.errors import Busy, MissingFile
from stash_sense.files import sha256_of
from stash_sense.models import manifest, prepare, verify
from stash_sense.models.manifest import DEFAULT_PACK, PackManifest, load_manifest, package_file

pytestmark = pytest.mark.slow

PACK = DEFAULT_PACK
prepare_module = sys.modules["stash_sense.models.prepare"]  # the name itself is the function

WORKER = """
import logging, sys, time
from pathlib import Path
from stash_sense.domain.progress import NoProgress
from stash_sense.models.manifest import DEFAULT_PACK
from stash_sense.models.prepare import prepare_pack

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
stop_at = int(sys.argv[2])

class Stops(NoProgress):
    def start(self, stage, total):
        self.update(0)

    def update(self, done, *, faces=0, people=0):
        print("at", done, flush=True)
        if done == stop_at:
            time.sleep(600)

pack = prepare_pack(DEFAULT_PACK, Path(sys.argv[1]), Stops())
print("fingerprint", pack.fingerprint, flush=True)
"""


@pytest.fixture
def data_dir(real, tmp_path) -> Path:
    """A copy of the really prepared data folder, to be spoilt."""
    shutil.copytree(real[0], tmp_path / "data")
    return tmp_path / "data"


def worker(data_dir: Path, stop_at: int = -1) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(data_dir), str(stop_at)], stdout=subprocess.PIPE, text=True
    )


def packaged(tmp_path, monkeypatch, name: str = "facenet") -> tuple[PackManifest, Path]:
    """The default pack, its package of the facenet slot replaced by a copy that a test may spoil."""
    manifest = load_manifest(PACK)
    (file,) = [file for file in manifest.files if file.role == name]
    source = file.source
    original = package_file(source)
    folder = tmp_path / "site" / "carrier_of_weights"
    (folder / source.path).parent.mkdir(parents=True)
    shutil.copy(original, folder / source.path)
    (folder / "__init__.py").write_text("raise RuntimeError('this package must never be imported')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    moved = file.model_copy(update={"source": source.model_copy(update={"package": "carrier_of_weights"})})
    files = tuple(moved if other is file else other for other in manifest.files)
    return manifest.model_copy(update={"files": files}), folder / source.path


def test_a_prepared_pack_has_a_file_for_every_role(real):
    paths = real[1].paths
    assert set(paths) == {"detector", "facenet", "arcface"}
    assert all(path.is_file() for path in paths.values())


def test_the_second_time_nothing_is_read_or_made(real, monkeypatch):
    def refuse(*_):
        raise AssertionError("hashed or converted again")

    monkeypatch.setattr(prepare_module, "sha256_of", refuse)
    monkeypatch.setattr(prepare_module, "run_recipe", refuse)
    assert prepare.prepare_pack(PACK, real[0]) == real[1]


def test_the_carrier_is_found_without_being_imported(tmp_path, monkeypatch):
    manifest, _ = packaged(tmp_path, monkeypatch)
    prepare.prepare_pack(manifest, tmp_path / "data")
    assert "carrier_of_weights" not in sys.modules


@pytest.mark.parametrize("spoil", ["truncate", "alter", "delete", "replace by a folder's worth of nothing"])
def test_a_spoilt_prepared_file_is_made_anew_by_itself(real, data_dir, spoil):
    path = prepare.pack_folder(PACK, data_dir) / real[1].paths["detector"].name
    if spoil == "truncate":
        os.truncate(path, 1000)
    elif spoil == "alter":
        data = bytearray(path.read_bytes())
        data[5000] ^= 1
        path.write_bytes(data)
    elif spoil == "delete":
        path.unlink()
    else:
        path.write_bytes(b"")
    assert sha256_of(prepare.prepare_pack(PACK, data_dir).paths["detector"]) == sha256_of(
        real[1].paths["detector"]
    )


def test_a_file_altered_behind_its_time_stamp_is_found_by_verify(real, data_dir):
    path = prepare.pack_folder(PACK, data_dir) / "yunet.onnx"
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    outcomes = {check.name: check.outcome for check in verify.verify_pack(PACK, data_dir)}
    assert outcomes == {"yunet.onnx": "mended", "dlib-resnet-v1.onnx": "intact", "sface.onnx": "intact"}
    assert sha256_of(path) == sha256_of(real[1].paths["detector"])


def test_a_touched_but_unaltered_file_is_hashed_and_kept(data_dir, monkeypatch):
    path = prepare.pack_folder(PACK, data_dir) / "yunet.onnx"
    os.utime(path, (1, 1))
    monkeypatch.setattr(prepare_module, "run_recipe", None)
    prepare.prepare_pack(PACK, data_dir)
    assert verify.pack_status(PACK, data_dir).state == "ready"


@pytest.mark.parametrize("record", [None, "", "{", '{"files": 3}', '{"files": {"yunet.onnx": {}}}'])
def test_a_lost_record_costs_a_conversion_and_nothing_else(real, data_dir, record):
    path = prepare.pack_folder(PACK, data_dir) / "prepared.json"
    path.unlink()
    if record is not None:
        path.write_text(record)
    prepared = prepare.prepare_pack(PACK, data_dir)
    assert {role: sha256_of(path) for role, path in prepared.paths.items()} == {
        role: sha256_of(path) for role, path in real[1].paths.items()
    }


def test_a_new_recipe_version_makes_the_file_anew(data_dir):
    manifest = load_manifest(PACK)
    newer = tuple(
        file.model_copy(update={"recipe": file.recipe.model_copy(update={"version": 99})})
        if file.role == "detector"
        else file
        for file in manifest.files
    )
    path = prepare.pack_folder(PACK, data_dir) / "yunet.onnx"
    before = path.stat().st_ino, (path.parent / "sface.onnx").stat().st_ino
    prepare.prepare_pack(manifest.model_copy(update={"files": newer}), data_dir)
    after = path.stat().st_ino, (path.parent / "sface.onnx").stat().st_ino
    assert before[0] != after[0]
    assert before[1] == after[1]


@pytest.mark.parametrize(
    ("spoil", "says"), [("truncate", "truncated"), ("alter", "altered"), ("delete", "is missing")]
)
def test_a_spoilt_source_is_named_with_the_command_that_mends_it(tmp_path, monkeypatch, spoil, says):
    manifest, source = packaged(tmp_path, monkeypatch)
    if spoil == "truncate":
        os.truncate(source, 1000)
    elif spoil == "alter":
        with source.open("r+b") as file:
            file.write(b"x")
    else:
        source.unlink()
    with pytest.raises(MissingFile) as caught:
        prepare.prepare_pack(manifest, tmp_path / "data")
    message = str(caught.value)
    assert source.name in message
    assert says in message
    assert "pip install --force-reinstall --no-deps carrier_of_weights==0.3.0" in message
    (check,) = [check for check in verify.verify_pack(manifest, tmp_path / "data") if check.role == "facenet"]
    assert check.outcome == ("missing" if spoil == "delete" else "altered")
    assert check.problem == message


def test_a_package_that_is_not_installed_is_named(tmp_path):
    manifest = load_manifest(PACK)
    files = tuple(
        file.model_copy(
            update={"source": file.source.model_copy(update={"package": "surely_not_installed_anywhere"})}
        )
        for file in manifest.files
    )
    manifest = manifest.model_copy(update={"files": files})
    with pytest.raises(MissingFile, match=r"pip install .*surely_not_installed_anywhere"):
        prepare.prepare_pack(manifest, tmp_path)
    assert verify.pack_status(manifest, tmp_path).state == "missing"


def test_a_spoilt_source_does_not_matter_while_the_prepared_file_is_whole(tmp_path, monkeypatch):
    manifest, source = packaged(tmp_path, monkeypatch)
    prepare.prepare_pack(manifest, tmp_path / "data")
    source.unlink()
    prepare.prepare_pack(manifest, tmp_path / "data")


def test_two_processes_at_once_convert_once(tmp_path):
    workers = [worker(tmp_path), worker(tmp_path)]
    outputs = [process.communicate(timeout=120)[0] for process in workers]
    assert [process.returncode for process in workers] == [0, 0]
    assert sum(output.count("converting") for output in outputs) == 3
    assert {check.outcome for check in verify.verify_pack(PACK, tmp_path)} == {"intact"}


def test_a_killed_process_leaves_nothing_behind_that_hurts(tmp_path):
    process = worker(tmp_path, stop_at=2)
    for line in process.stdout:
        if line.strip() == "at 2":
            break
    folder = prepare.pack_folder(PACK, tmp_path)
    (folder / ".making-sface").write_bytes(b"half")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = (folder / "dlib-resnet-v1.onnx").stat().st_ino
    prepare.prepare_pack(PACK, tmp_path)
    assert (folder / "dlib-resnet-v1.onnx").stat().st_ino == kept
    assert not list(folder.glob(".making-*"))
    assert {check.outcome for check in verify.verify_pack(PACK, tmp_path)} == {"intact"}


def test_kill_at_any_moment_never_leaves_a_broken_pack(tmp_path, torture):
    for step in range(40 if torture else 2):
        data_dir = tmp_path / str(step)
        process = worker(data_dir)
        process.stdout.readline()
        time.sleep(step * (0.03 if torture else 0.25))
        process.kill()
        process.communicate()
        prepare.prepare_pack(PACK, data_dir)
        assert {check.outcome for check in verify.verify_pack(PACK, data_dir)} == {"intact"}
        shutil.rmtree(data_dir)


def test_a_lock_held_for_too_long_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_module, "LOCK_WAIT_S", 0.05)
    folder = prepare.pack_folder(PACK, tmp_path)
    with prepare_module.pack_lock(folder), pytest.raises(Busy, match="another process"):
        prepare.prepare_pack(PACK, tmp_path)


def test_a_data_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(errors.CannotWrite, match="cannot be written"):
        prepare.prepare_pack(PACK, tmp_path / "file")


def test_a_full_disk_is_said_and_leaves_no_half_file(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(errors.NoSpace, match="no space left"):
        prepare.prepare_pack(PACK, tmp_path)
    assert [path.name for path in prepare.pack_folder(PACK, tmp_path).iterdir()] == [".prepare.lock"]


def test_the_users_own_calibration_replaces_the_packs(data_dir):
    fingerprint = load_manifest(PACK).fingerprint
    manifest.save_calibration(PACK, data_dir, fingerprint, {"threshold": 0.25})
    prepared = prepare.prepare_pack(PACK, data_dir)
    assert prepared.manifest.calibration == {"threshold": 0.25}
    assert prepared.fingerprint == fingerprint


def test_a_calibration_of_another_state_of_the_pack_is_left_aside(data_dir):
    manifest.save_calibration(PACK, data_dir, "0" * 64, {"threshold": 0.25})
    prepared = prepare.prepare_pack(PACK, data_dir)
    assert prepared.manifest.calibration == load_manifest(PACK).calibration


def test_a_new_calibration_can_be_made_where_the_old_one_is_unreadable(data_dir):
    (prepare.pack_folder(PACK, data_dir) / "calibration.json").write_text("{")
    prepared = prepare.prepare_pack(PACK, data_dir, user_calibration=False)
    assert prepared.manifest.calibration == load_manifest(PACK).calibration


@pytest.mark.parametrize("text", ["{", "[1]", "{}"])
def test_an_unreadable_calibration_is_named_with_the_way_out(data_dir, text):
    path = prepare.pack_folder(PACK, data_dir) / "calibration.json"
    path.write_text(text)
    with pytest.raises(errors.AlteredFile, match="models calibrate"):
        prepare.prepare_pack(PACK, data_dir)
    assert "models calibrate" in verify.pack_status(PACK, data_dir).problem
