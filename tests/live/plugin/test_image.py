"""An image: from the button to a written tag and back."""

from pages import card, once
from waiting import until


def test_an_image_from_the_button_to_a_written_tag_and_back(open_page, library, tagged, sidecar):
    image, obama = library.images["obama2.jpg"], library.people["Barack Obama"]
    page = open_page(f"/images/{image}")
    once(page, "image").click()
    page.wait_for_selector("text=Detected 1 face(s)")
    card(page).locator("text=In library as: Barack Obama").wait_for()
    card(page).locator(".sense-pair figure:nth-child(2) img[src^='data:image/jpeg']").wait_for()
    page.click("text=Add to Image")
    page.wait_for_selector("text=Added!")
    assert tagged() == (set(), {image: {obama}})
    page.wait_for_selector(".performer-card >> text=Barack Obama")  # Stash's own page, behind the dialogue
    page.click(".sense-tagging >> text=Undo")
    page.wait_for_selector("text=Undone")
    assert tagged() == (set(), {})
    page.wait_for_selector(".performer-card", state="detached")
    look = {"image_id": image}
    until(lambda: "confirmed" not in sidecar.post("/identify/image", json=look).json()["faces"][0]["reason"])


def test_the_box_lies_over_the_face_of_a_photo_stored_lying(open_page, library):
    page = open_page(f"/images/{library.images['biden_lying.jpg']}")
    once(page, "image").click()
    box, frame = (page.locator(each).bounding_box() for each in (".sense-box", ".sense-frame img"))
    assert frame["height"] > frame["width"]
    assert frame["x"] < box["x"] < box["x"] + box["width"] < frame["x"] + frame["width"]
    assert frame["y"] < box["y"] < box["y"] + box["height"] < frame["y"] + frame["height"] / 2
