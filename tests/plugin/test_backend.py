"""Each mode and each failure of the plugin's server side, run as Stash runs it."""

import base64
import socket
import threading
import time

import pytest

from fakes.sidecar import Problem, performer_of
from stash_sense.runtime.secret import derived

from .conftest import KEY, SESSION, run_backend

PERSON = performer_of("Ann", "7")
FACE = {
    "face_id": "f1",
    "box": {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0, "confidence": 0.9},
    "quality": 0.9,
    "verdict": "unknown",
    "reason": "nobody near",
    "matches": [],
}
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


@pytest.fixture(autouse=True)
def known(sidecar):
    sidecar.images["3"] = {"faces": [FACE], "face_count": 1}
    sidecar.galleries["45"] = {
        "total_images": 2,
        "images_processed": 2,
        "faces_detected": 2,
        "performers": [PERSON],
    }
    sidecar.pictures = {"f1": JPEG, "v.1/2": JPEG}


def asked_last(sidecar):
    return sidecar.asked[-1]


def test_health(call):
    assert call("health").output["status"] == "ok"


def test_database_info(call):
    assert call("database_info").output["people"] == 3


def test_identify_image(call, sidecar):
    assert call("identify_image", image_id="3").output["faces"] == [FACE]
    assert asked_last(sidecar) == ("POST", "/identify/image", {"image_id": "3"})


def test_a_number_serves_as_an_id(call, sidecar):
    call("identify_image", image_id=3)
    assert asked_last(sidecar)[2] == {"image_id": "3"}


def test_the_knobs_are_passed_on(call, sidecar):
    knobs = {
        "top_k": 3,
        "max_distance": 0.5,
        "min_face_confidence": 0.4,
        "force": True,
        "source": "thumbnail",
    }
    call("identify_image", image_id="3", **knobs)
    assert asked_last(sidecar)[2] == {"image_id": "3", **knobs}


def test_identify_gallery(call):
    assert call("identify_gallery", gallery_id="45", evidence="plain").output["performers"] == [PERSON]


def test_a_gallery_is_started_and_asked_after(call):
    job_id = call("start_gallery", gallery_id="45").output["job_id"]
    assert call("job", job_id=job_id).output["status"] == "done"
    (listed,) = call("jobs", target="gallery:45").output["jobs"]
    assert listed["job_id"] == job_id


def test_the_newest_job_comes_whole_where_that_is_asked_for(call):
    call("start_gallery", gallery_id="45")
    (plain,) = call("jobs", target="gallery:45").output["jobs"]
    (whole,) = call("jobs", target="gallery:45", whole=True).output["jobs"]
    assert plain["result"] is None
    assert whole["result"]["performers"] == [PERSON]
    assert call("jobs", target="gallery:46", whole=True).output["jobs"] == []


def test_jobs_without_a_target_are_all_jobs(call):
    call("start_gallery", gallery_id="45")
    assert len(call("jobs").output["jobs"]) == 1


def test_a_job_is_cancelled(call, sidecar):
    sidecar.job_s = 60
    job_id = call("start_gallery", gallery_id="45").output["job_id"]
    assert call("cancel_job", job_id=job_id).output["status"] == "cancelled"
    assert call("resume_job", job_id=job_id).output["status"] == "running"


def test_building_is_started(call):
    job_id = call("start_database").output["job_id"]
    assert call("job", job_id=job_id).output["kind"] == "database"


def test_building_as_a_task_reports_progress(call, sidecar):
    sidecar.job_s = 1.5
    ran = call("build_database")
    shares = [float(text) for level, text in ran.log if level == "p"]
    assert ran.output["status"] == "done"
    assert len(shares) >= 2
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_task_that_fails_says_why(call, sidecar):
    sidecar.job_fails = "no performer has a portrait"
    assert call("build_database").error == "Request failed: no performer has a portrait"


def test_a_scene_is_asked_for_and_one_that_is_not_built_says_so(call, sidecar):
    said = call("identify_scene", scene_id="7").error
    assert said.startswith("Identification failed: This does not work yet.")
    sidecar.features.append("identify-scene")
    sidecar.scenes["7"] = {"persons": []}
    assert call("identify_scene", scene_id=7, top_k=3).output == {"persons": []}
    assert asked_last(sidecar) == ("POST", "/identify/scene", {"scene_id": "7", "top_k": 3})


def test_decide_and_undecide(call, sidecar):
    decision = call("decide", face_id="f1", performer_id="local:7", word="rejected").output
    assert [each["word"] for each in sidecar.decisions] == ["rejected"]
    call("undecide", decision_id=decision["decision_id"])
    assert sidecar.decisions == []


def test_a_face_is_ignored_without_naming_anybody(call, sidecar):
    call("decide", face_id="f1", word="ignored")
    assert asked_last(sidecar)[2] == {"face_id": "f1", "word": "ignored"}


def test_a_decision_names_the_write_that_it_came_with(call, sidecar):
    entry = call("journal_begin", target_type="image", target_ids=["3"], local_id="7").output["entry_id"]
    call("decide", face_id="f1", performer_id="local:7", word="confirmed", entry_id=entry)
    assert sidecar.decisions[-1]["entry_id"] == entry


def test_the_journal_page_by_page(call):
    for _ in range(3):
        call("journal_begin", target_type="gallery", target_ids=["45"], local_id="7")
    page = call("journal", limit=2).output
    assert [each["entry_id"] for each in page["entries"]] == [3, 2]
    rest = call("journal", before=page["next_before"]).output
    assert [each["entry_id"] for each in rest["entries"]] == [1]


def test_the_journal_from_begin_to_undone(call):
    entry = call("journal_begin", target_type="gallery", target_ids=["45"], local_id="7").output
    assert entry["status"] == "open"
    call("journal_end", entry_id=entry["entry_id"], status="done", added_ids=["45"])
    assert call("undone", entry_id=entry["entry_id"]).output["status"] == "undone"
    assert len(call("journal").output["entries"]) == 1


@pytest.mark.parametrize(("mode", "name"), [("crop", "face_id"), ("reference", "reference_id")])
def test_pictures_come_as_data(call, mode, name):
    output = call(mode, **{name: "f1"}).output
    assert base64.b64decode(output["image"].removeprefix("data:image/jpeg;base64,")) == JPEG


def test_an_id_stays_one_part_of_the_path(call):
    assert "image" in call("reference", reference_id="v.1/2").output


def test_an_id_leads_to_no_other_path(call, sidecar):
    assert call("cancel_job", job_id="..").error == "Request failed: job_id must not be '..'"
    assert call("cancel_job", job_id="\ud800").error == "Request failed: There is no job ?."


MISSING = [
    ("identify_image", {}, "image_id"),
    ("identify_gallery", {}, "gallery_id"),
    ("identify_scene", {}, "scene_id"),
    ("start_gallery", {"gallery_id": ""}, "gallery_id"),
    ("job", {}, "job_id"),
    ("cancel_job", {}, "job_id"),
    ("resume_job", {}, "job_id"),
    ("decide", {"performer_id": "a", "word": "ignored"}, "face_id"),
    ("decide", {"face_id": "f1", "word": "confirmed"}, "performer_id"),
    ("decide_faces", {"face_ids": [], "word": "ignored"}, "face_ids"),
    ("decide_faces", {"face_ids": ["f1"]}, "word"),
    ("decide_faces", {"face_ids": ["f1"], "word": "rejected"}, "performer_id"),
    ("undecide", {}, "decision_id"),
    ("undecide_all", {}, "decision_ids"),
    ("journal_begin", {"target_type": "image", "local_id": "1"}, "target_ids"),
    ("journal_end", {"status": "done", "added_ids": []}, "entry_id"),
    ("undone", {}, "entry_id"),
    ("crop", {"face_id": None}, "face_id"),
    ("crops", {}, "face_ids"),
    ("reference", {}, "reference_id"),
]


@pytest.mark.parametrize(
    ("mode", "args", "name"), MISSING, ids=[f"{mode}-{name}" for mode, _, name in MISSING]
)
def test_what_is_missing_is_named_and_nobody_is_asked(call, sidecar, stash, mode, args, name):
    stash.record.forget()
    assert call(mode, **args).error == f"No {name} provided"
    assert sidecar.asked == []
    assert stash.record.counts["graphql"] == 0


@pytest.mark.parametrize("value", [["3"], {"id": 3}, True, 1.5])
def test_an_id_of_another_kind_is_refused(call, value):
    assert call("identify_image", image_id=value).error.startswith("Request failed: image_id must be text")


@pytest.mark.parametrize("mode", ["", "run", None, ["health"], "__class__"])
def test_an_unknown_mode_is_named(call, mode):
    assert "there is no mode" in call(mode).error


@pytest.mark.parametrize("stdin", [b"", b"{", b"[]", b"\xff\xfe", b'"x"', b'{"args": []}', b'{"args": 5}'])
def test_whatever_comes_in_one_document_goes_out(stdin):
    assert run_backend(stdin).error.startswith("Request failed")


def test_nobody_at_the_address(call, sidecar):
    sidecar.down()
    assert call("health").error.startswith("Connection refused - is Stash Sense running?")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_localhost_may_be_stashs_own_container(call, stash, free_port, host):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = f"http://{host}:{free_port}"
    assert f"{host} here is Stash's own container" in call("health").error


def test_another_address_is_not_said_to_be_a_container(call, stash, free_port):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = f"http://127.0.0.2:{free_port}"
    assert call("health").error == "Connection refused - is Stash Sense running?"


def test_a_name_that_nobody_has(call, stash):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = "http://nobody.invalid:6960"
    assert call("health").error == "Request failed: no computer is called 'nobody.invalid' here"


@pytest.mark.parametrize(
    "address", ["localhost:6960", "ftp://a", "http://", "http://u:p@h", "http://h:x", "http://["]
)
def test_an_address_that_is_none(call, stash, address):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = address
    assert "must be like http://localhost:6960" in call("health").error


def test_what_is_secret_in_an_address_is_not_told(call, stash):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = "http://me:hush@127.0.0.1:6960"
    assert "hush" not in repr(call("health"))


def test_a_token_that_cannot_be_sent_is_not_told(call, stash):
    stash.library.plugins["stash-sense"]["sidecarToken"] = "hush\nhush"
    ran = call("health")
    assert (
        ran.error
        == "Request failed: the address, the token or the session has a character that cannot be sent"
    )
    assert "hush" not in repr(ran)


def test_the_address_may_have_a_path(call, stash, sidecar):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = f"{sidecar.url}/sense/"
    call("health")
    assert asked_last(sidecar)[1] == "/sense/health"
    sidecar.wrong.clear()


def test_a_failed_identification_says_the_detail(call):
    assert call("identify_image", image_id="9").error == "Identification failed: Stash has no image 9."


def test_another_failure_says_why(call):
    assert call("job", job_id="x").error == "Request failed: There is no job x."


def test_no_database_says_what_to_do(call, sidecar):
    sidecar.people = None
    assert call("start_gallery", gallery_id="45").error == (
        "Identification failed: There is no face database. Build one."
    )


@pytest.mark.parametrize(
    "body",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.invalid/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"[" * 99999,
    ],
    ids=["html", "500", "redirect", "problem", "list", "null", "object", "deep"],
)
def test_something_else_at_the_address_is_told(call, sidecar, body):
    sidecar.faults["/health"] = body
    assert "is not Stash Sense" in call("health").error


@pytest.mark.parametrize(
    "body", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"]
)
def test_what_is_no_http_is_a_failure(call, sidecar, body):
    sidecar.faults["/health"] = body
    assert call("health").error.startswith("Request failed: ")


NEEDED = [
    ("jobs", "/jobs", {"target": "gallery:45", "whole": True}),
    ("build_database", "/jobs/database", {}),
    ("journal_begin", "/journal", {"target_type": "image", "target_ids": ["1"], "local_id": "7"}),
    ("decide_faces", "/decisions/faces", {"face_ids": ["f1"], "word": "ignored"}),
    ("undecide_all", "/decisions/undo", {"decision_ids": [1]}),
]


@pytest.mark.parametrize(("mode", "path", "args"), NEEDED, ids=[mode for mode, _, _ in NEEDED])
def test_an_answer_without_its_key_is_a_strangers(call, sidecar, mode, path, args):
    sidecar.faults[path] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    assert "is not Stash Sense" in call(mode, **args).error


def test_a_picture_that_is_none_is_refused(call, sidecar):
    sidecar.pictures["f1"] = b"<svg onload=alert(1)>"
    assert "is not Stash Sense" in call("crop", face_id="f1").error


def test_the_token_is_derived_and_the_key_stays(call, stash, sidecar):
    stash.api_key, stash.session, sidecar.secret = KEY, SESSION, derived(KEY)
    ran = call("identify_image", image_id="3")
    assert ran.output["face_count"] == 1
    assert KEY not in repr(sidecar.tokens) + repr(sidecar.asked) + repr(ran)
    assert derived(KEY) not in repr(ran)


def test_a_stash_without_login_takes_the_pasted_token(call, stash, sidecar):
    sidecar.secret = "pasted"
    stash.library.plugins["stash-sense"]["sidecarToken"] = " pasted "
    assert call("health").output["status"] == "ok"


def test_where_the_derived_token_is_not_taken_the_pasted_one_is_tried(call, stash, sidecar):
    stash.api_key, stash.session, sidecar.secret = KEY, SESSION, "pasted"
    stash.library.plugins["stash-sense"]["sidecarToken"] = "pasted"
    assert call("health").output["status"] == "ok"


def test_no_token_is_sent_where_there_is_none(call, sidecar):
    call("health")
    assert sidecar.tokens == [""]


def test_a_wrong_token_says_so(call, sidecar):
    sidecar.secret = "another"
    assert call("health").error == "Request failed: This needs the secret of this Stash Sense."


def test_a_session_that_has_ended(call, stash):
    stash.api_key = KEY
    assert "Stash did not let its plugin read the settings (status 401)" in call("health").error


def test_stash_itself_gone(call, stash):
    stash.down()
    assert call("health").error.startswith("Request failed: Stash did not answer its own plugin")


@pytest.mark.parametrize("host", ["", "0.0.0.0", "localhost", "127.0.0.1"])
def test_stash_is_asked_where_it_listens(call, host):
    assert call("health", host=host).output["status"] == "ok"


@pytest.mark.parametrize("host", ["::1", "[::1]", "[::]"])
def test_stash_may_listen_at_an_address_of_version_6(call, host):
    assert call("health", host=host).error == (
        "Request failed: Stash did not answer its own plugin (Connection refused)"
    )


def test_without_settings_the_default_address_is_asked(call, stash):
    stash.library.plugins.clear()
    ran = call("health")
    assert "Connection refused" in ran.answer.get("error", "") or "output" in ran.answer


def test_a_failure_is_logged_as_one_line(call, sidecar):
    sidecar.faults["/health"] = Problem(502, "x", "two\nlines " + "y" * 100_000)
    ran = call("health")
    (text,) = [text for level, text in ran.log if level == "e"]
    assert text.startswith("Request failed: two lines y")
    assert len(text) < 64_000


def test_hostile_texts_arrive_as_they_are(call, sidecar):
    name = "</script><script>\"'\u202e\U0001f600\ud800"
    sidecar.images["3"] = {"faces": [{**FACE, "reason": name}], "face_count": 1}
    assert call("identify_image", image_id="3").output["faces"][0]["reason"] == name


@pytest.mark.parametrize(
    ("mode", "args", "path", "words"),
    [
        ("health", {}, "/health", "Request timed out"),
        ("identify_image", {"image_id": "3"}, "/identify/image", "Request timed out"),
        (
            "identify_gallery",
            {"gallery_id": "45"},
            "/identify/gallery",
            "Gallery identification timed out - gallery may be too large",
        ),
    ],
)
def test_a_call_that_takes_too_long(call, sidecar, hurried, mode, args, path, words):
    sidecar.faults[path] = 3.0
    assert hurried(mode, **args).error == words


@pytest.mark.parametrize(
    "head", [[b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"], [b"HTTP/1.1 200 OK\r\n"]]
)
def test_an_answer_that_trickles_in_is_too_slow_as_a_whole(stash, hurried, head):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stash.library.plugins["stash-sense"]["sidecarUrl"] = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def trickle():
            connection, _ = listening.accept()
            with connection:
                for piece in [*head, *[b"X: y\r\n"] * 20]:
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                    time.sleep(0.3)

        thread = threading.Thread(target=trickle)
        thread.start()
        began = time.monotonic()
        assert hurried("health").error == "Request timed out"
        assert time.monotonic() - began < 3  # of the six that all of it would take
        thread.join()
