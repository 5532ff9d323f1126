"""The pictures of a folder: in natural order, without what NAS boxes leave, past whatever cannot be read."""

import os

import pytest

from stash_sense.errors import BadInput, NotAFolder
from stash_sense.media.listing import list_images
from stash_sense.media.photo import name_as_utf8


@pytest.fixture
def tree(tmp_path):
    """Make empty files below a folder, and list its pictures as relative paths."""

    def tree(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path).images]

    return tree


def test_numbers_are_sorted_by_value(tree):
    assert tree("10.jpg", "9.jpg", "1.jpg") == ["1.jpg", "9.jpg", "10.jpg"]


def test_folders_are_sorted_by_value_too(tree):
    assert tree("set 10/1.jpg", "set 2/1.jpg") == ["set 2/1.jpg", "set 10/1.jpg"]


def test_case_decides_only_between_names_that_are_else_the_same(tree):
    assert tree("b.jpg", "a.JPG", "A.jpg", "C.jpg") == ["A.jpg", "a.JPG", "b.jpg", "C.jpg"]


def test_names_that_mix_digits_and_letters_can_be_sorted(tree):
    assert tree("a.jpg", "1a.jpg", "a1.jpg", "1.jpg") == ["1.jpg", "1a.jpg", "a.jpg", "a1.jpg"]


def test_names_of_digits_that_differ_in_zeros_have_a_stable_order(tree):
    assert tree("1.jpg", "01.jpg", "001.jpg") == ["001.jpg", "01.jpg", "1.jpg"]


def test_subfolders_are_searched(tree):
    assert tree("a/b/c/1.jpg") == ["a/b/c/1.jpg"]


@pytest.mark.parametrize(
    "name",
    ["1.jpg", "1.JPEG", "1.png", "1.webp", "1.gif", "1.bmp", "1.tif", "1.tiff", "1.avif", "1.heic", "1.HEIF"],
)
def test_pictures_are_known_by_extension(tree, name):
    assert tree(name) == [name]


@pytest.mark.parametrize("name", ["1.txt", "1.mp4", "1.jpg.part", "jpg", "1.svg", "Thumbs.db", "1.cr2"])
def test_other_files_are_left_out(tree, name):
    assert tree(name) == []


@pytest.mark.parametrize(
    "name",
    [
        ".1.jpg",
        "._1.jpg",
        ".thumbnails/1.jpg",
        "@eaDir/1.jpg",
        "a/@EADIR/1.jpg",
        "#recycle/1.jpg",
        "__MACOSX/1.jpg",
    ],
)
def test_hidden_files_and_thumbnail_folders_are_left_out(tree, name):
    assert tree(name) == []


def test_a_folder_named_like_a_picture_is_searched(tree):
    assert tree("a.jpg/1.jpg") == ["a.jpg/1.jpg"]


def test_a_hidden_folder_is_listed_when_asked_for_itself(tmp_path):
    (tmp_path / ".private").mkdir()
    (tmp_path / ".private/1.jpg").touch()
    assert len(list_images(tmp_path / ".private").images) == 1


def test_a_loop_of_links_ends(tree, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/up").symlink_to(tmp_path)
    assert tree("a/1.jpg") == ["a/1.jpg"]


def test_a_link_to_itself_is_passed_over(tree, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert tree("1.jpg") == ["1.jpg"]


def test_a_linked_folder_is_searched(tree, tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "1.jpg").touch()
    (tmp_path / "linked").symlink_to(elsewhere)
    assert tree("2.jpg") == ["2.jpg", "linked/1.jpg"]


def test_a_folder_is_listed_once_by_its_own_path(tree, tmp_path):
    (tmp_path / "a_link").symlink_to(tmp_path / "real")
    assert tree("real/1.jpg") == ["real/1.jpg"]


def test_a_linked_picture_is_listed(tree, tmp_path):
    (tmp_path / "2.jpg").symlink_to(tmp_path / "1.jpg")
    assert tree("1.jpg") == ["1.jpg", "2.jpg"]


def test_names_of_any_script_and_sign_are_listed(tree):
    names = ["<b>'\"&.jpg", "\u05d0\u05d1.jpg", "\U0001f600.jpg"]
    assert sorted(tree(*names)) == sorted(names)


def test_an_empty_folder_is_an_empty_listing(tmp_path):
    assert list_images(tmp_path).images == ()


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A folder with one picture, whose subfolder `locked` may not be listed; works for root as well."""
    (tmp_path / "1.jpg").touch()
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return list_images(tmp_path)


def test_an_unreadable_subfolder_is_reported(locked):
    assert locked.problems == ("locked: cannot be listed (Permission denied); left out.",)


def test_the_rest_is_listed_beside_an_unreadable_subfolder(locked):
    assert [path.name for path in locked.images] == ["1.jpg"]


@pytest.mark.parametrize("name", ["missing", "file.jpg"])
def test_what_is_no_folder_is_refused(tmp_path, name):
    (tmp_path / "file.jpg").touch()
    with pytest.raises(NotAFolder, match=f"{name}: not a folder"):
        list_images(tmp_path / name)


def test_no_folder_is_bad_input():
    assert issubclass(NotAFolder, BadInput)


def test_files_of_other_kinds_are_counted_in_one_line(tree, tmp_path):
    tree("1.jpg", "a/2.cr2", "a/3.CR2", "b/4.mp4", "notes", "Thumbs.db", ".hidden.txt", "@eaDir/5.txt")
    assert list_images(tmp_path).others == (
        f"{tmp_path.name}: 4 files of other kinds are not read (2 .cr2, 1 without extension, 1 .mp4)."
    )


def test_of_many_other_kinds_the_most_frequent_are_named(tree, tmp_path):
    tree(*(f"{i}.{'abcdefg'[kind]}" for kind in range(7) for i in range(8 - kind)))
    assert list_images(tmp_path).others.endswith("(8 .a, 7 .b, 6 .c, 5 .d, 4 .e, ...).")


def test_pictures_alone_are_not_commented_on(tree, tmp_path):
    tree("1.jpg", "2.png")
    assert list_images(tmp_path).others == ""


def test_a_name_is_that_of_the_disk_whatever_the_locale_is(monkeypatch):
    monkeypatch.setattr(os, "fsencode", lambda name: name.encode("latin-1", "surrogateescape"))
    as_decoded_by_latin_1 = "Łukasz".encode().decode("latin-1")
    assert name_as_utf8(as_decoded_by_latin_1) == "Łukasz"
    assert name_as_utf8("Zoë") == "Zoë"  # a disk that holds Latin-1
    assert name_as_utf8("Łukasz") == "Łukasz"
