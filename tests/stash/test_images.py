"""Images and galleries as Stash has them."""

from collections.abc import Callable

import pytest

from fakes.stash import Seen, StashStandIn, Status
from stash_sense.errors import NotInStash, StashAnsweredWrongly
from stash_sense.stash.client import StashClient
from stash_sense.stash.types import Fingerprint, PerformerName

Jpeg = Callable[..., bytes]


def filled(stash: StashStandIn, count: int) -> str:
    gallery = stash.library.add_gallery("Beach")
    for number in range(count):
        stash.library.add_image(galleries=[gallery], path=f"/data/{number}.jpg")
    return str(gallery)


async def test_an_image_has_its_file_and_fingerprints(stash: StashStandIn, client: StashClient, jpeg: Jpeg):
    stash.library.add_image(jpeg((320, 200)), path="/data/a.jpg", fingerprints={"md5": "aa", "phash": "bb"})
    file = (await client.get_image_by_id("1")).primary_file
    assert file is not None
    assert (file.kind, file.path, file.width, file.height) == ("picture", "/data/a.jpg", 320, 200)
    assert file.fingerprints == (Fingerprint("md5", "aa"), Fingerprint("phash", "bb"))


async def test_an_image_has_its_performers(stash: StashStandIn, client: StashClient):
    stash.library.add_image(performers=[stash.library.add_performer("Ann")])
    assert (await client.get_image_by_id("1")).performers == (PerformerName("1", "Ann"),)


@pytest.mark.parametrize("image_id", ["9", "x", "", "-1", "1 OR 1", "٣", "9" * 40])
async def test_an_image_that_is_not_there(client: StashClient, image_id: str):
    with pytest.raises(NotInStash, match="image"):
        await client.get_image_by_id(image_id)


async def test_a_clip_is_known_as_a_video(stash: StashStandIn, client: StashClient):
    stash.library.add_image(b"moving", video=True, path="/data/a.webm")
    assert (await client.get_image_by_id("1")).is_video


@pytest.mark.parametrize("path", ["/data/a.gif", "/data/A.GIF"])
async def test_a_gif_is_a_picture_although_stash_calls_it_a_video(
    stash: StashStandIn, client: StashClient, path: str
):
    stash.library.add_image(b"still", video=True, path=path)
    image = await client.get_image_by_id("1")
    assert image.primary_file is not None
    assert (image.primary_file.kind, image.is_video) == ("video", False)


async def test_the_first_of_several_files_is_the_primary_one(stash: StashStandIn, client: StashClient):
    stash.library.add_image(path="/data/first.jpg")
    stash.library.images[1].files.append(stash.library.add_file(b"", "/data/second.mp4", video=True))
    image = await client.get_image_by_id("1")
    assert [file.kind for file in image.files] == ["picture", "video"]
    assert not image.is_video


async def test_an_image_may_have_lost_all_files(stash: StashStandIn, client: StashClient):
    stash.library.add_image()
    stash.library.images[1].files.clear()
    assert (await client.get_image_by_id("1")).primary_file is None


async def test_a_gallery_has_all_its_images_in_the_order_of_its_page(
    stash: StashStandIn, client: StashClient
):
    gallery = await client.get_gallery_by_id(filled(stash, 450))
    assert [image.files[0].path for image in gallery.images] == [f"/data/{n}.jpg" for n in range(450)]


async def test_a_gallery_is_read_in_pages_of_200(stash: StashStandIn, client: StashClient):
    await client.get_gallery_by_id(filled(stash, 400))
    assert stash.record.counts["FindImages"] == 2


async def test_an_empty_gallery_has_no_images(stash: StashStandIn, client: StashClient):
    assert (await client.get_gallery_by_id(filled(stash, 0))).images == ()


async def test_a_gallery_that_is_not_there(client: StashClient):
    with pytest.raises(NotInStash, match="gallery 7"):
        await client.get_gallery_by_id("7")


@pytest.mark.parametrize(
    ("place", "name"), [({"folder": "/data/Beach 2024"}, "Beach 2024"), ({"zip_file": "/d/a.zip"}, "a.zip")]
)
async def test_a_gallery_without_a_title_is_called_by_its_place(
    stash: StashStandIn, client: StashClient, place: dict[str, str], name: str
):
    gallery = stash.library.add_gallery(**place)
    assert (await client.get_gallery_by_id(str(gallery))).title == name


def once(change: Callable[[], object], before: str, page: int) -> Callable[[Seen], bool]:
    """A place for a fault that never strikes, but changes the library before the given request."""
    seen = [0]

    def where(request: Seen) -> bool:
        if request.operation == before:
            seen[0] += 1
            if seen[0] == page:
                change()
        return False

    return where


async def test_an_image_deleted_between_two_pages_loses_no_other(stash: StashStandIn, client: StashClient):
    gallery = filled(stash, 401)
    stash.faults.add(Status(500), once(lambda: stash.library.delete_image(1), "FindImages", 2))
    images = (await client.get_gallery_by_id(gallery)).images
    assert {image.id for image in images} == {str(n) for n in range(2, 402)}


async def test_an_image_added_between_two_pages_comes_once(stash: StashStandIn, client: StashClient):
    gallery = filled(stash, 401)

    def add() -> None:
        stash.library.add_image(galleries=[int(gallery)], path="/data/00.jpg")

    stash.faults.add(Status(500), once(add, "FindImages", 2))
    images = (await client.get_gallery_by_id(gallery)).images
    assert sorted(int(image.id) for image in images) == list(range(1, 403))


async def test_equal_paths_and_titles_lose_and_repeat_nothing(stash: StashStandIn, client: StashClient):
    gallery = stash.library.add_gallery("Zip")
    for _ in range(300):
        stash.library.add_image(galleries=[gallery], path="/a.zip/a.jpg", title="same")
    images = (await client.get_gallery_by_id(str(gallery))).images
    assert sorted(int(image.id) for image in images) == list(range(1, 301))


async def test_a_gallery_that_never_stands_still_is_an_error(stash: StashStandIn, client: StashClient):
    gallery = filled(stash, 250)

    def always(seen: Seen) -> bool:
        if seen.operation == "FindImages":
            stash.library.add_image(galleries=[int(gallery)])
        return False

    stash.faults.add(Status(500), always)
    with pytest.raises(StashAnsweredWrongly, match="scan"):
        await client.get_gallery_by_id(gallery)


async def test_a_changed_schema_is_named_as_such(stash: StashStandIn, client: StashClient):
    stash.faults.add(Status(200, b'{"data": {"findImage": {"id": "1"}}}', "application/json"))
    with pytest.raises(StashAnsweredWrongly, match="FindImage is not understood"):
        await client.get_image_by_id("1")
