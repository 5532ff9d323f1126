"""Every built row of the contract, with its fields, defaults and limits, through real HTTP."""

import base64
import json
import re

import cv2
import numpy as np
import pytest

from stash_sense import __version__

MATCH = {
    "performer_id", "stashdb_id", "stash_ids", "local_id", "name", "confidence", "distance",
    "facenet_distance", "arcface_distance", "country", "image_url", "reference_id", "support",
}  # fmt: skip


def is_obama(answer):
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["face_count"] == len(found["faces"]) == 1
    assert found["faces"][0]["verdict"] == "match"
    assert found["faces"][0]["matches"][0]["performer_id"] == "Barack Obama"
    return found["faces"][0]


def test_health_says_what_is_loaded(app):
    said = app.client.get("/health").json()
    assert said["status"] == "ok"
    assert said["version"] == __version__
    assert [one["code"] for one in said["missing"]] == ["stash-not-configured"]
    assert said["loaded"]["pack"] == "stash-sense-default"
    assert said["loaded"]["database"]["people"] == 3
    assert {"identify", "identify-url", "references"} <= set(said["features"])


def test_health_without_the_secret_says_little(locked):
    assert locked.stranger.get("/health").json() == {"status": "ok", "version": __version__}


def test_health_with_the_secret_says_all(locked):
    assert locked.client.get("/health").json()["features"]


def test_database_info(app):
    said = app.client.get("/database/info").json()
    assert set(said) == {
        *("version", "pack", "people", "faces", "built_at", "sources"),
        *("other_version", "rolled_back", "next_update"),
    }
    assert (said["people"], said["faces"], said["pack"]) == (3, 3, "stash-sense-default")


def test_identify_a_file(app, photo):
    is_obama(app.client.post("/identify", files={"file": ("a.jpg", photo)}))


def test_identify_base64(app, photo64):
    is_obama(app.client.post("/identify", json={"image_base64": photo64}))


def test_identify_takes_null_for_the_other_source(app, photo64):
    is_obama(app.client.post("/identify", json={"image_base64": photo64, "image_url": None}))


def test_identify_a_data_url(app, photo64):
    is_obama(app.client.post("/identify", json={"image_base64": f"data:image/jpeg;base64,{photo64}"}))


def test_identify_base64_in_lines(app, photo):
    is_obama(app.client.post("/identify", json={"image_base64": base64.encodebytes(photo).decode()}))


def test_identify_an_address(web_app):
    is_obama(web_app.client.post("/identify", json={"image_url": f"{web_app.web}/photo.jpg"}))


def test_identify_url(web_app):
    asked = {"url": f"{web_app.web}/photo.jpg", "top_k": 1, "max_distance": 0.9}
    is_obama(web_app.client.post("/identify/url", params=asked))


def test_every_field_of_an_answer(app, photo):
    face = is_obama(app.client.post("/identify", files={"file": photo}))
    assert set(face) == {
        *("face_id", "box", "quality", "verdict", "performer_id", "name", "matches"),
        *("reason", "reason_code", "reason_people", "reason_count"),
    }
    assert set(face["box"]) == {"x", "y", "width", "height", "confidence"}
    assert set(face["matches"][0]) == MATCH
    assert face["matches"][0]["confidence"] == pytest.approx(1 - face["matches"][0]["distance"], abs=1e-3)


def test_the_box_is_in_pixels_of_the_full_picture(app, photo):
    small = is_obama(app.client.post("/identify", files={"file": photo}))["box"]
    picture = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    times = -(-3300 // max(height, width))
    large = cv2.imencode(".jpg", cv2.resize(picture, (width * times, height * times)))[1].tobytes()
    box = is_obama(app.client.post("/identify", files={"file": large}))["box"]
    for side in ("x", "y", "width", "height"):
        assert box[side] == pytest.approx(small[side] * times, abs=0.03 * times * width)


def test_a_picture_without_faces_is_an_answer(app, samples):
    coffee = (samples / "gallery" / "coffee.png").read_bytes()
    assert app.client.post("/identify", files={"file": coffee}).json() == {"faces": [], "face_count": 0}


def test_max_distance_bounds_the_matches(app, photo64):
    asked = {"image_base64": photo64, "max_distance": 0.0}
    (face,) = app.client.post("/identify", json=asked).json()["faces"]
    assert face["matches"] == []
    assert face["verdict"] == "unknown"


def test_top_k_bounds_the_matches(app, photo64):
    asked = {"image_base64": photo64, "max_distance": 2, "top_k": 2}
    (face,) = app.client.post("/identify", json=asked).json()["faces"]
    assert len(face["matches"]) == 2
    asked = {"image_base64": photo64, "max_distance": 2}
    (face,) = app.client.post("/identify", json=asked).json()["faces"]
    assert len({match["performer_id"] for match in face["matches"]}) == 3


def test_min_face_confidence_bounds_the_faces(app, photo):
    asked = {"files": {"file": photo}, "data": {"min_face_confidence": "1"}}
    assert app.client.post("/identify", **asked).json()["face_count"] == 0


def test_a_face_keeps_its_id_whatever_the_options(app, photo, photo64):
    first = is_obama(app.client.post("/identify", files={"file": photo}))
    second = is_obama(app.client.post("/identify", json={"image_base64": photo64, "top_k": 1}))
    assert first["face_id"] == second["face_id"]


def test_the_reference_of_a_match_is_a_jpeg_of_a_face(app, photo):
    match = is_obama(app.client.post("/identify", files={"file": photo}))["matches"][0]
    answer = app.client.get(f"/references/{match['reference_id']}")
    assert answer.headers["content-type"] == "image/jpeg"
    again = app.client.post("/identify", files={"file": answer.content}).json()
    assert again["faces"][0]["matches"][0]["performer_id"] == "Barack Obama"


def test_the_status_page_has_no_script_and_loads_nothing(app):
    for path in ("/", "/docs"):
        answer = app.client.get(path)
        assert answer.headers["content-type"].startswith("text/html")
        assert "<script" not in answer.text
        assert not re.search(r"""(src|href|action)=["']?(https?:|//)|url\(|@import""", answer.text)
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_status_page_shows_the_last_errors_as_text(serve, settings_with, tmp_path):
    with serve(settings_with(DATA_DIR=tmp_path / "<b>bold")) as served:
        page = served.client.get("/").text
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold" in page


def test_metrics_count_requests_faces_and_work(app, photo):
    app.client.post("/identify", files={"file": photo})
    text = app.client.get("/metrics").text
    for name in ("stash_sense_requests_total", "stash_sense_faces_total", "stash_sense_work_waiting"):
        assert f"\n{name}" in text
    assert 'route="/identify",status="200"' in text


def test_metrics_name_no_unknown_path(app):
    app.client.get("/a-path-nobody-made")
    text = app.client.get("/metrics").text
    assert "a-path-nobody-made" not in text
    assert 'route="other",status="404"' in text


def test_every_call_of_the_openapi_has_its_failures_and_an_example(app):
    described = app.client.get("/openapi.json").json()
    for path, methods in described["paths"].items():
        for call in methods.values():
            assert {"401", "403"} <= set(call["responses"]), path
            for status, said in call["responses"].items():
                if int(status) >= 400:
                    problem = said["content"]["application/problem+json"]["example"]
                    assert problem["status"] == int(status)
    asked = described["paths"]["/identify"]["post"]["requestBody"]["content"]
    options = asked["application/json"]["schema"]["properties"]
    assert (options["top_k"]["default"], options["top_k"]["minimum"], options["top_k"]["maximum"]) == (
        5,
        1,
        20,
    )
    assert (options["max_distance"]["default"], options["max_distance"]["maximum"]) == (0.6, 2)
    assert (options["min_face_confidence"]["default"], options["min_face_confidence"]["maximum"]) == (0.5, 1)
    assert "multipart/form-data" in asked


def test_the_examples_of_the_openapi_are_valid_json(app):
    json.dumps(app.client.get("/openapi.json").json())


def test_a_request_keeps_the_id_that_a_proxy_gave_it(app):
    assert app.client.get("/health", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    answer = app.client.get("/nowhere", headers={"X-Request-ID": 'bad"id'})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] != 'bad"id'
