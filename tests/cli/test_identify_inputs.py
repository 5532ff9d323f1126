"""What `stash-sense identify` takes: photos, folders and zip files, each file once, and a line on others."""

import json
import zipfile
from pathlib import Path

import pytest

from stash_sense.cli.contact_sheet import contact_sheet
from stash_sense.cli.identify_inputs import identify_inputs
from stash_sense.domain.progress import NoProgress
from stash_sense.errors import BadInput
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.folder import identify_folders, join_folders

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def album(tmp_path, photo):
    """A folder with two photos, a note, and a subfolder with a third photo."""
    for name in ("album/1.png", "album/2.png", "album/more/3.png"):
        photo(tmp_path / name)
    (tmp_path / "album/notes.txt").touch()
    return tmp_path / "album"


def zipped(path, folder):
    with zipfile.ZipFile(path, "w") as file:
        for photo in sorted(folder.rglob("*.*")):
            file.write(photo, photo.relative_to(folder))
    return path


def counts(*paths):
    return [len(gallery) for gallery in identify_inputs(paths).galleries]


def test_a_photo_given_several_times_counts_once(album):
    one = album / "1.png"
    (album.parent / "link.png").symlink_to(one)
    assert counts(one, one, album / "more/../1.png", album.parent / "link.png") == [1]


def test_a_photo_of_a_folder_that_is_given_too_counts_once(album):
    assert counts(album, album / "1.png", album / "more", album) == [3]


def test_a_zip_file_given_twice_counts_once(album):
    path = zipped(album.parent / "a.zip", album)
    assert counts(path, path) == [3]


def test_two_copies_of_a_photo_are_two_photos(album, photo):
    assert counts(album / "1.png", album / "2.png") == [2]


def test_each_folder_and_each_zip_is_a_gallery(album):
    first, second = (zipped(album.parent / name, album) for name in ("a.zip", "b.cbz"))
    assert counts(first, album, second) == [3, 3, 3]


def test_what_is_not_read_is_one_line_a_place(album):
    path = zipped(album.parent / "a.cbz", album)
    assert identify_inputs([album, path]).problems == (
        "album: 1 file of another kind is not read (1 .txt).",
        "a.cbz: 1 file of another kind is not read (1 .txt).",
    )


def test_a_damaged_zip_beside_photos_is_a_line(album):
    path = zipped(album.parent / "a.cbz", album)
    path.write_bytes(path.read_bytes()[:-30])
    inputs = identify_inputs([path, album])
    assert len(inputs.galleries) == 1
    assert inputs.problems[0].startswith("a.cbz: is not a whole zip file")


def test_a_damaged_zip_alone_says_why_nothing_is_found(album):
    path = zipped(album.parent / "a.cbz", album)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BadInput, match=r"no photos or videos found\. a\.cbz: is not a whole zip file"):
        identify_inputs([path])


def test_the_faces_of_a_zip_are_named_and_drawn(album, sees_colours):
    galleries = identify_inputs([zipped(album.parent / "a.cbz", album)]).galleries
    result = join_folders(identify_folders(galleries, sees_colours, MatchOptions(), NoProgress()))
    assert [str(photo.path) for photo in result.photos] == [
        str(album.parent / "a.cbz") + f"/{name}" for name in ("1.png", "2.png", "more/3.png")
    ]
    assert [person.person.name for person in result.people] == ["Red"]
    sheet = contact_sheet(result, (), NoProgress()).decode()
    assert sheet.count("data:image/jpeg;base64,") >= 6
    assert "3.png" in sheet


@pytest.mark.slow
def test_a_comic_of_the_samples_names_the_same_people(demo, stash_sense, tmp_path):
    path = zipped(tmp_path / "Gallery.cbz", SAMPLES / "gallery")
    done = stash_sense(
        "identify", path, "--people", SAMPLES / "people", "--json", "-", "--html", tmp_path / "sheet.html"
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    people = [{one["name"]: one["image_count"] for one in each["performers"]} for each in (answer, demo[1])]
    assert people[0] == people[1]
    assert all(image["path"].startswith(f"{path}/") for image in answer["images"])
    assert (tmp_path / "sheet.html").read_text("utf-8").count("data:image/jpeg;base64,") >= 9
