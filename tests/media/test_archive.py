"""Pictures in zip files: in natural order, never on the disk, and no bomb takes more than its share."""

import io
import struct
import tracemalloc
import zipfile

import pytest
from PIL import Image

from stash_sense.errors import BadInput, ImageTooLarge, NotAnImage, UnreadableImage
from stash_sense.media import archive
from stash_sense.media.archive import is_zip
from stash_sense.media.formats import MediaLimits
from stash_sense.media.listing import list_zipped_images
from stash_sense.media.photo import load_image


@pytest.fixture
def zipped(tmp_path, files):
    """A zip file with these members, each a PNG unless it is given."""

    def zipped(*names, name="comic.cbz", method=zipfile.ZIP_DEFLATED, **members):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", method) as file:
            for member in names:
                file.writestr(member, files["PNG"])
            for member, content in members.items():
                file.writestr(member.replace("__", "."), content)
        return path

    return zipped


def names(path):
    return [photo.member for photo in list_zipped_images(path).images]


def test_members_are_in_natural_order(zipped):
    path = zipped("p10.jpg", "p9.jpg", "b/1.jpg", "a 10/1.jpg", "a 2/1.jpg", "p1.PNG")
    assert names(path) == ["a 2/1.jpg", "a 10/1.jpg", "b/1.jpg", "p1.PNG", "p9.jpg", "p10.jpg"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_is_read_like_a_file(zipped, files, method):
    (photo,) = list_zipped_images(zipped("1.png", method=method)).images
    image = load_image(photo)
    assert (image.width, image.height, image.format) == (96, 64, "PNG")
    assert photo.read(MediaLimits()) == files["PNG"]


def test_a_zip_behind_other_bytes_is_read(zipped, tmp_path):
    path = zipped("1.png")
    path.write_bytes(b"PK\3\4 begins like a zip, as a self-extracting one might" + path.read_bytes())
    assert load_image(list_zipped_images(path).images[0]).width == 96


def test_hidden_files_and_folders_of_other_programs_are_left_out(zipped):
    assert names(zipped("__MACOSX/1.jpg", ".hidden/1.jpg", "._1.jpg", "a/@eaDir/1.jpg", "1.jpg")) == ["1.jpg"]


def test_members_of_other_kinds_are_counted_in_one_line_and_archives_not_entered(zipped):
    listing = list_zipped_images(zipped("1.jpg", a__txt=b"", b__txt=b"", inner__zip=b"PK\3\4", clip__mp4=b""))
    assert len(listing.images) == 1
    assert listing.problems == ("comic.cbz: 4 files of other kinds are not read (2 .txt, 1 .mp4, 1 .zip).",)


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("/etc/1.png", "etc/1.png"),
        ("../../1.png", "1.png"),
        ("a/../../b/1.png", "a/b/1.png"),
        ("C:\\photos\\1.png", "photos/1.png"),
        ("\\\\server\\share\\1.png", "server/share/1.png"),
    ],
)
def test_a_name_never_leads_out_of_the_archive(zipped, name, member):
    path = zipped(name)
    (photo,) = list_zipped_images(path).images
    assert photo.member == member
    assert str(photo) == f"{path}/{member}"
    assert load_image(photo).width == 96
    assert [each.name for each in path.parent.iterdir()] == ["comic.cbz"]


def test_of_two_members_with_one_name_the_last_counts(tmp_path, files):
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("1.jpg", files["PNG"])
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("1.jpg", files["GIF"])
    assert [load_image(photo).format for photo in list_zipped_images(path).images] == ["GIF"]


def patched(path, offset, value):
    """The zip file with another value in each entry of its central directory."""
    data = bytearray(path.read_bytes())
    place = data.find(b"PK\1\2")
    while place >= 0:
        data[place + offset : place + offset + len(value)] = value
        place = data.find(b"PK\1\2", place + 1)
    path.write_bytes(data)
    return path


def test_encrypted_members_are_counted(zipped):
    listing = list_zipped_images(patched(zipped("1.jpg", "2.jpg"), 8, b"\1\0"))
    assert (listing.images, listing.problems) == ((), ("comic.cbz: 2 files encrypted; left out.",))


def test_members_packed_in_another_way_are_counted(zipped):
    listing = list_zipped_images(zipped("1.jpg", method=zipfile.ZIP_LZMA))
    assert listing.problems == ("comic.cbz: 1 file packed in a way not read; left out.",)


def test_a_member_that_inflates_far_beyond_a_picture_is_left_out(zipped):
    listing = list_zipped_images(zipped("1.jpg", bomb__png=bytes(20_000_000)))
    assert [photo.member for photo in listing.images] == ["1.jpg"]
    assert "1 file packed in a way not read" in listing.problems[0]


def test_a_member_that_is_larger_than_it_states_is_not_inflated_further(zipped):
    path = patched(zipped(bomb__png=bytes(200_000_000)), 24, struct.pack("<L", 1_000_000))
    (photo,) = list_zipped_images(path).images
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImage, match=r"comic\.cbz/bomb\.png: is damaged in its archive"):
            load_image(photo)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_member_above_the_limit_of_a_file_is_refused_unread(zipped):
    (photo,) = list_zipped_images(zipped("1.png")).images
    with pytest.raises(ImageTooLarge, match=r"comic\.cbz/1\.png"):
        load_image(photo, limits=MediaLimits(file_bytes=100))


def test_pictures_that_unpack_to_too_much_together_are_refused(zipped, monkeypatch):
    monkeypatch.setattr("stash_sense.media.listing.MOST_BYTES", 300)
    with pytest.raises(NotAnImage, match=r"comic\.cbz: its pictures unpack to .* Divide it"):
        list_zipped_images(zipped("1.png", "2.png", "3.png"))


def test_too_many_members_are_refused_before_they_are_listed(zipped, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    with pytest.raises(NotAnImage, match="has 4 members"):
        list_zipped_images(zipped(*(f"{i}.png" for i in range(4))))


def test_a_list_of_members_stated_as_huge_is_refused_unread(zipped):
    path = zipped("1.png")
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\5\6")
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 10**9, 10**9, 10**11, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)
    data[place:place] = end + locator
    path.write_bytes(data)
    with pytest.raises(NotAnImage, match="1,000,000,000 members"):
        list_zipped_images(path)


@pytest.mark.parametrize("part", [0.2, 0.6, 0.95])
def test_a_zip_cut_short_is_refused(zipped, part):
    path = zipped("1.png", "2.png", "3.png")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(UnreadableImage, match="is not a whole zip file"):
        list_zipped_images(path)


def test_a_damaged_member_is_an_error_of_its_own(zipped):
    path = zipped("1.png", "2.png", method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 8] ^= 1
    path.write_bytes(data)
    first, second = list_zipped_images(path).images
    with pytest.raises(UnreadableImage, match="its checksum is wrong"):
        load_image(first)
    assert load_image(second).width == 96


def test_any_damage_to_a_zip_raises_only_our_errors(zipped):
    path = zipped("a/1.png", "2.png")
    data = path.read_bytes()
    outcomes = set()
    for place in range(0, len(data), 3):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        try:
            for photo in list_zipped_images(path).images:
                load_image(photo)
            outcomes.add("read")
        except BadInput as error:
            outcomes.add(error.code)
    assert outcomes >= {"read", "unreadable-image"}


def test_a_vanished_archive_is_an_error_of_each_picture(zipped):
    path = zipped("1.png")
    (photo,) = list_zipped_images(path).images
    path.unlink()
    with pytest.raises(UnreadableImage, match=r"comic\.cbz/1\.png: cannot be read"):
        load_image(photo)


def test_a_name_with_a_number_of_thousands_of_digits_can_be_sorted(zipped):
    long = "9" * 6000
    assert names(zipped(f"{long}.jpg", "2.jpg")) == ["2.jpg", f"{long}.jpg"]


def test_only_a_file_that_begins_like_a_zip_is_one(tmp_path, zipped):
    (tmp_path / "photo.zip").write_bytes(b"no zip")
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40)).save(buffer, "PNG")
    (tmp_path / "photo.png").write_bytes(buffer.getvalue())
    assert [is_zip(tmp_path / name) for name in ("photo.zip", "photo.png", "missing", ".")] == [False] * 4
    assert is_zip(zipped("1.png", name="no-extension"))
