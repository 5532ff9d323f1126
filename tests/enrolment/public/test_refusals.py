"""A release that is damaged, altered, hostile or of other networks is refused, with the reason."""

import json
import sqlite3
import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest

from fakes.releases import SLOTS, write_manifest, write_voyager, zipped
from stash_sense.enrolment import public_archive
from stash_sense.enrolment.public_index import open_index
from stash_sense.enrolment.public_release import ImportingPack
from stash_sense.errors import BadInput, NoSpace

from .conftest import ONE_NETWORK, PACK, uid


@pytest.fixture
def refused(release, imported, people, place):
    """Import a good release, then one that must be refused; returns the reason."""
    imported(release([0, 1, 2]))

    def run(path, pack=PACK, error=BadInput):
        before = sorted(place.iterdir())
        with pytest.raises(error) as caught:
            imported(path, pack)
        assert sorted(place.iterdir()) == before
        assert people() == {"Person 0": 1, "Person 1": 1, "Person 2": 1}
        return str(caught.value)

    return run


def altered(folder, name, content, **manifest):
    """Replace a file of a release, with a manifest that has its checksum."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    write_manifest(folder, **{"version": "2"} | manifest)
    return folder


def test_another_pack_is_named(release, refused):
    other = ImportingPack("default", "f2", (), {"arcface": 8, "facenet": 6})
    reason = refused(release([0]), other)
    assert "networks facenet512+arcface" in reason
    assert "default in use does not have" in reason
    assert "made with the model pack special, and public-pack is in use" in refused(
        release([0], pack="special")
    )


def test_another_state_of_the_pack_is_told(release, refused):
    assert "another state" in refused(release([0], pack=PACK.id, pack_fingerprint="f0"))


def test_other_dimensions_are_told(release, refused):
    wide = ImportingPack(PACK.id, "f1", PACK.models, {"arcface": 512, "facenet": 512})
    reason = refused(release([0]), wide)
    assert "8 numbers of arcface and 6 numbers of facenet" in reason
    assert "512 numbers of arcface" in reason
    assert "manifest.json says 5 numbers" in refused(release([0], dimensions={"arcface": 5}))


def test_a_release_of_one_network_for_a_pack_of_two_is_told(living, refused):
    pack = ImportingPack(PACK.id, "f1", ("buffalo_l",), PACK.dimensions)
    assert "8 numbers of arcface a face" in refused(living({1: 0}), pack)


@pytest.mark.parametrize("name", ["faces.json", "performers.json", *SLOTS.values()])
def test_an_altered_file_is_named(release, refused, name):
    folder = release([0, 1])
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    assert f"{name}: its checksum is not that of manifest.json" in refused(folder)


@pytest.mark.parametrize("name", ["faces.json", "performers.json", "manifest.json", *SLOTS.values()])
def test_a_missing_file_is_named(release, refused, name):
    folder = release([0, 1])
    (folder / name).unlink()
    if name == "faces.json":
        assert "no release of a public face database" in refused(folder)
    else:
        assert f"{name}" in refused(folder)


def test_a_file_without_a_checksum_is_named(release, refused):
    folder = release([0])
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["checksums"]["faces.json"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "no checksum of faces.json" in refused(folder)
    manifest["checksums"]["faces.json"] = "md5:00"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "kind 'md5'" in refused(folder)


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"version": ""}, "version"), ({"name": "../x"}, "name"), ({"checksums": []}, "checksums"),
     ({"removed": 3}, "removed")],
)  # fmt: skip
def test_a_manifest_that_cannot_be_right_is_told(release, refused, fields, word):
    assert f"manifest.json: {word}" in refused(release([0], **fields))


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, {}, ["a", 1]])
def test_faces_json_that_is_no_list_of_ids_is_told(release, refused, content):
    assert "faces.json" in refused(altered(release([0]), "faces.json", content))


@pytest.mark.parametrize("content", [b"no", [], "x"])
def test_performers_json_that_is_no_object_is_told(release, refused, content):
    assert "performers.json" in refused(altered(release([0]), "performers.json", content))


def test_more_or_fewer_faces_than_vectors_are_told(release, refused):
    assert "faces.json has 1 faces, and" in refused(altered(release([0, 1]), "faces.json", [uid(0)]))
    assert "faces.json has 3 faces, and" in refused(altered(release([0, 1]), "faces.json", [uid(0)] * 3))


def test_gaps_are_told(release, refused):
    folder = release([0, 1])
    write_voyager(folder / "face_arcface.voy", [np.ones((2, 8))], 2, 8, np.array([0, 2]))
    write_manifest(folder)
    assert "there are gaps" in refused(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0])
def test_vectors_that_are_no_numbers_are_told(release, refused, value):
    folder = release([0, 1, 1])
    block = np.ones((3, 6), np.float32)
    block[2] = value
    write_voyager(folder / "face_facenet.voy", [block], 3, 6)
    write_manifest(folder)
    assert f"face_facenet.voy: a vector of {uid(1)} is not a number" in refused(folder)


def test_an_index_cut_anywhere_is_told(release, living, tmp_path):
    """Cut within its vectors; what comes after them is not read."""
    voyager, usearch = release([0, 1]) / "face_arcface.voy", living({1: 0, 2: 1}) / "face_embeddings.usearch"
    for path in (voyager, usearch):
        whole = path.read_bytes()
        for size in range(0, len(whole) - (8 if path is voyager else 0), 13):
            path.write_bytes(whole[:size])
            with pytest.raises(BadInput, match=path.name), open_index(path) as index:
                index.read(np.arange(2))


def test_a_header_of_any_numbers_is_refused_or_harmless(release, living, torture):
    """Eight bytes of the headers are replaced. The libraries' readers end the process on some of these."""
    voyager, usearch = release([0, 1]) / "face_arcface.voy", living({1: 0, 2: 1}) / "face_embeddings.usearch"
    random = np.random.default_rng(0)
    values = [0, 1, 255, 2**31, 2**63, 2**64 - 1]
    for path in (voyager, usearch):
        whole = path.read_bytes()
        for _ in range(3000 if torture else 300):
            content = bytearray(whole)
            place = int(random.integers(0, 200))
            content[place : place + 8] = struct.pack("<Q", values[random.integers(len(values))])
            path.write_bytes(content)
            with suppress(BadInput), open_index(path) as index:
                assert index.read(np.arange(len(index.keys))).shape == (2, 8) or not len(index.keys)


def test_a_delta_to_another_version_is_told(release, imported, refused):
    reason = refused(release([1], version="9", base="8"))
    assert "only changes version 8, and the face database has version 1" in reason


def test_a_delta_without_the_release_is_told(release, imported, place):
    with pytest.raises(BadInput, match="has nothing of stash-sense-data"):
        imported(release([1], version="2", base="1"))
    assert not (place / "CURRENT").exists()


def test_a_release_of_nobody_is_told(release, refused):
    assert "nobody in it can be taken" in refused(release([None, None], version="2"))


def test_merges_in_a_circle_are_told(release, refused):
    assert "in a circle" in refused(release([0, 1], version="2", merged={uid(0): uid(1), uid(1): uid(0)}))


@pytest.mark.parametrize("change", ["table", "columns", "view", "text"])
def test_another_performers_db_is_told(living, imported, change, place):
    folder = living({1: 0})
    path = folder / "performers.db"
    if change == "text":
        path.write_bytes(b"SQLite format 3\0" + bytes(200))
    else:
        database = sqlite3.connect(path)
        sql = {
            "table": "DROP TABLE faces",
            "columns": "ALTER TABLE faces RENAME COLUMN performer_id TO whose",
            "view": "ALTER TABLE faces RENAME TO f; CREATE VIEW faces AS SELECT * FROM f",
        }
        database.executescript(sql[change])
        database.close()
    write_manifest(folder)
    with pytest.raises(BadInput, match=r"performers\.db"):
        imported(folder, ONE_NETWORK)
    assert not (place / "CURRENT").exists()


@pytest.mark.parametrize("name", ["../faces.json", "/faces.json", "a\\..\\..\\faces.json", "C:/faces.json"])
def test_an_archive_that_leaves_itself_is_told(release, refused, tmp_path, name):
    path = zipped(release([0]))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "[]")
    assert "names a path outside of itself" in refused(path)
    assert not (tmp_path / "faces.json").exists()


def test_a_bomb_is_told_before_it_is_unpacked(release, refused):
    folder = release([0])
    (folder / "performers.db").write_bytes(bytes(5_000_000))
    assert "unpacks to" in refused(zipped(folder))


def test_too_large_files_are_told(release, refused, monkeypatch):
    path = zipped(release([0]))
    monkeypatch.setattr(public_archive, "MOST_JSON_BYTES", 10)
    assert "more than the" in refused(path)


def test_an_encrypted_archive_is_told(release, refused):
    path = zipped(release([0]))
    with zipfile.ZipFile(path) as archive:
        starts = [member.header_offset for member in archive.infolist()] + [archive.start_dir]
    packed = bytearray(path.read_bytes())
    for start in starts[:-1]:
        packed[start + 6] |= 1  # the flag of each file, beside it and in the directory
    place = starts[-1]
    while (place := packed.find(b"PK\x01\x02", place)) >= 0:
        packed[place + 8] |= 1
        place += 1
    path.write_bytes(packed)
    assert "encrypted" in refused(path)


def test_a_file_twice_is_told(release, refused):
    path = zipped(release([0]))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other/faces.json", "[]")
    assert "has faces.json twice" in refused(path)


def test_a_link_in_an_archive_or_a_folder_is_told(release, refused, tmp_path):
    path = zipped(release([0]))
    link = zipfile.ZipInfo("performers.db")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in refused(path)
    folder = release([0])
    (folder / "performers.db").symlink_to(tmp_path / "anything")
    (tmp_path / "anything").write_text("x")
    assert "a link or no file" in refused(folder)


@pytest.mark.parametrize("cut", [3, 100, -30])
def test_a_cut_zip_file_is_told(release, refused, cut):
    path = zipped(release([0]))
    path.write_bytes(path.read_bytes()[:cut])
    assert "damaged zip file" in refused(path)


def test_altered_bytes_in_a_zip_file_are_told(release, refused):
    path = zipped(release([0]))
    content = bytearray(path.read_bytes())
    content[80] ^= 0xFF
    path.write_bytes(content)
    assert "damaged zip file" in refused(path)


def test_a_full_disk_is_told_before_unpacking(release, refused, monkeypatch):
    path = zipped(release([0]))
    monkeypatch.setattr(public_archive.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    assert "Free some space" in refused(path, error=NoSpace)


@pytest.mark.parametrize("what", ["missing", "empty folder", "text"])
def test_what_is_no_release_is_told(refused, tmp_path, what):
    path = tmp_path / "x"
    if what == "empty folder":
        path.mkdir()
    elif what == "text":
        path.write_text("hello")
    assert "x" in refused(path)
