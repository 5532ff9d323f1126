"""A gallery's job while it runs: cancelled, and found again after a reload."""

import pytest

from pages import row
from waiting import until

SLOW_S = 1.5


@pytest.fixture
def slow(counted):
    """Stash gives a picture only now and then."""
    counted.pause_s = SLOW_S
    yield
    counted.pause_s = 0.0


@pytest.fixture
def jobs(sidecar, library):
    """The gallery's jobs, the newest first."""

    def jobs():
        return sidecar.get(f"/jobs?target=gallery:{library.gallery}").json()["jobs"]

    yield jobs
    for job in jobs():
        if job["status"] in {"queued", "running"}:
            sidecar.post(f"/jobs/{job['job_id']}/cancel")
    until(lambda: not {"queued", "running"} & {job["status"] for job in jobs()})


def test_cancelled_it_shows_what_was_found_until_then_and_that_can_be_tagged(
    open_gallery, slow, jobs, library, tagged, counted
):
    page = open_gallery(scratch=True)
    page.wait_for_selector(".sense-running >> text=/[1-8] of 9 images/")
    row(page, "Eileen Collins").wait_for()
    page.click(".sense-running >> text=Cancel")
    page.wait_for_selector("text=Cancelled. Partial results below.")
    assert (
        page.locator(".sense-summary").inner_text().startswith(tuple(f"processed {n}/9" for n in range(1, 9)))
    )
    assert jobs()[0]["status"] == "cancelled"
    row(page, "Eileen Collins").locator("text=Add to Gallery").click()
    row(page, "Eileen Collins").locator("text=Added!").wait_for()
    assert tagged() == ({library.people["Eileen Collins"]}, {})
    row(page, "Eileen Collins").locator("text=Undo").click()
    row(page, "Eileen Collins").locator("text=Undone").wait_for()
    assert tagged() == (set(), {})
    page.reload()
    page.click("#sense-button")
    page.wait_for_selector("text=Cancelled. Partial results below.")
    counted.pause_s = 0.0
    page.click("text=Run again from scratch")
    page.wait_for_selector(".sense-summary >> text=/^processed 9.9 images/")


def test_after_a_reload_the_running_job_is_picked_up_and_ends(open_gallery, slow, jobs, library, counted):
    page = open_gallery(scratch=True)
    page.wait_for_selector(".sense-running >> text=/[1-8] of 9 images/")
    begun = jobs()
    assert begun[0]["status"] == "running"
    page.reload()
    page.click("#sense-button")
    page.wait_for_selector(".sense-running")
    counted.pause_s = 0.0
    page.wait_for_selector(".sense-summary")
    assert page.locator(".sense-summary").inner_text().startswith("processed 9/9 images")
    assert sorted(page.locator(".sense-person h6").all_inner_texts()) == sorted(library.people)
    assert [job["job_id"] for job in jobs()] == [job["job_id"] for job in begun]
