"""The stand-in's login, addresses, pictures and faults."""

import io
import threading
import time

import httpx
import pytest
from PIL import Image

from fakes.stash import Dribble, Drop, Hold, StashStandIn, Status, Truncate
from waiting import PATIENCE_S, until

QUESTION = {"query": "{ version { version } }"}


@pytest.mark.parametrize("path", ["/image/1/image", "/image/1/thumbnail", "/performer/1/image"])
def test_without_a_key_a_picture_leads_to_the_login_page(stash: StashStandIn, http: httpx.Client, path: str):
    stash.api_key = "secret"
    answer = http.get(path)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/login?returnURL=")


def test_the_login_page_is_html(stash: StashStandIn, http: httpx.Client):
    stash.api_key = "secret"
    assert "html" in http.get("/image/1/image", follow_redirects=True).headers["content-type"]


def test_without_a_key_graphql_is_401(stash: StashStandIn, http: httpx.Client):
    stash.api_key = "secret"
    assert http.post("/graphql", json=QUESTION).status_code == 401


def test_a_wrong_key_is_401_even_where_none_is_needed(http: httpx.Client):
    assert http.post("/graphql", json=QUESTION, headers={"ApiKey": "wrong"}).status_code == 401


@pytest.mark.parametrize("how", ["header", "query", "cookie"])
def test_three_ways_in(stash: StashStandIn, http: httpx.Client, how: str):
    stash.api_key, stash.session = "secret", "crumb"
    given = {
        "header": {"headers": {"ApiKey": "secret"}},
        "query": {"params": {"apikey": "secret"}},
        "cookie": {"headers": {"Cookie": "session=crumb"}},
    }[how]
    assert http.post("/graphql", json=QUESTION, **given).status_code == 200


def test_health_asks_for_no_login(stash: StashStandIn, http: httpx.Client):
    stash.api_key = "secret"
    assert http.get("/healthz").status_code == 200


def picture_url(http: httpx.Client) -> str:
    answer = http.post("/graphql", json={"query": "{ findImage(id: 1) { paths { image } } }"})
    return answer.json()["data"]["findImage"]["paths"]["image"]


def test_addresses_name_the_host_that_was_asked_for(stash: StashStandIn, http: httpx.Client):
    stash.library.add_image()
    http.headers.update({"Host": "stash.local:80", "X-Forwarded-Prefix": "/s/"})
    assert picture_url(http).startswith("http://stash.local:80/s/image/1/image?t=")


def test_addresses_name_the_external_host(stash: StashStandIn, http: httpx.Client):
    stash.library.add_image()
    stash.external_host = "https://elsewhere.example/x"
    assert picture_url(http).startswith("https://elsewhere.example/x/image/1/image?t=")


def test_below_a_proxys_prefix_nothing_else_is_found():
    with StashStandIn(prefix="/stash") as stash:
        outside = httpx.get(f"http://127.0.0.1:{stash.port}/healthz", timeout=PATIENCE_S, trust_env=False)
        inside = httpx.get(f"{stash.url}/healthz", timeout=PATIENCE_S, trust_env=False)
    assert (outside.status_code, inside.status_code) == (404, 200)


def test_an_original_is_the_file_itself(stash: StashStandIn, http: httpx.Client, jpeg: bytes):
    stash.library.add_image(jpeg)
    answer = http.get("/image/1/image")
    assert (answer.content, answer.headers["content-type"]) == (jpeg, "image/jpeg")


def test_a_thumbnail_is_a_jpeg_of_640_pixels(stash: StashStandIn, http: httpx.Client, jpeg: bytes):
    stash.library.add_image(jpeg)
    with Image.open(io.BytesIO(http.get("/image/1/thumbnail").content)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (640, 480))


def test_a_lost_file_gives_500_for_the_original(stash: StashStandIn, http: httpx.Client, jpeg: bytes):
    stash.library.lose_file(stash.library.add_image(jpeg))
    assert http.get("/image/1/image").status_code == 500


def test_a_lost_file_gives_a_drawing_for_the_thumbnail(stash: StashStandIn, http: httpx.Client, jpeg: bytes):
    stash.library.lose_file(stash.library.add_image(jpeg))
    answer = http.get("/image/1/thumbnail")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")


def test_a_clip_is_served_as_a_video(stash: StashStandIn, http: httpx.Client):
    stash.library.add_image(b"moving", video=True)
    assert http.get("/image/1/image").headers["content-type"] == "video/mp4"


def test_a_deleted_image_is_404(stash: StashStandIn, http: httpx.Client, jpeg: bytes):
    stash.library.delete_image(stash.library.add_image(jpeg))
    assert http.get("/image/1/image").status_code == 404


def test_a_share_of_images_fails_and_always_the_same(stash: StashStandIn, http: httpx.Client):
    for _ in range(100):
        stash.library.add_image(b"x")
    stash.faults.add(Status(500), where="original", share=0.2)
    runs = [[http.get(f"/image/{i}/image").status_code == 500 for i in range(1, 101)] for _ in range(2)]
    assert runs[0] == runs[1]
    assert 5 <= sum(runs[0]) <= 40


def test_a_fault_can_be_over_after_a_while(stash: StashStandIn, http: httpx.Client):
    stash.faults.add(Status(503), where="health", times=2)
    assert [http.get("/healthz").status_code for _ in range(3)] == [503, 503, 200]


def test_a_fault_can_hit_the_first_try_of_each_path(stash: StashStandIn, http: httpx.Client):
    stash.library.add_image(b"x")
    stash.library.add_image(b"y")
    stash.faults.add(Status(500), where="original", first=1)
    tries = ["/image/1/image", "/image/1/image", "/image/2/image", "/image/2/image"]
    assert [http.get(path).status_code for path in tries] == [500, 200, 500, 200]


def test_a_dropped_connection_has_no_answer(stash: StashStandIn, http: httpx.Client):
    stash.faults.add(Drop(), where="health")
    with pytest.raises(httpx.RemoteProtocolError):
        http.get("/healthz")


def read(http: httpx.Client, path: str, into: bytearray) -> None:
    with http.stream("GET", path) as answer:
        for block in answer.iter_raw():
            into += block


def test_a_truncated_body_is_shorter_than_announced(stash: StashStandIn, http: httpx.Client, jpeg: bytes):
    stash.library.add_image(jpeg)
    stash.faults.add(Truncate(0.5), where="original")
    received = bytearray()
    with pytest.raises(httpx.RemoteProtocolError):
        read(http, "/image/1/image", received)
    assert len(received) == len(jpeg) // 2


def test_a_dribbled_body_comes_slowly_and_whole(stash: StashStandIn, http: httpx.Client):
    stash.library.add_image(b"0123456789")
    stash.faults.add(Dribble(size=5, pause_s=0.05), where="original")
    started = time.monotonic()
    assert http.get("/image/1/image").content == b"0123456789"
    assert time.monotonic() - started >= 0.1


def test_what_is_held_holds_up_only_its_own(stash: StashStandIn, http: httpx.Client):
    go = threading.Event()
    stash.faults.add(Hold(go), where="graphql")
    slow = threading.Thread(target=lambda: http.post("/graphql", json=QUESTION))
    slow.start()
    until(lambda: stash.record.counts["graphql"])
    assert http.get("/healthz").status_code == 200
    assert slow.is_alive()
    go.set()
    slow.join()


def test_it_comes_back_on_the_same_port_with_its_library(
    stash: StashStandIn, http: httpx.Client, jpeg: bytes
):
    stash.library.add_image(jpeg)
    stash.down()
    with pytest.raises(httpx.TransportError):
        http.get("/image/1/image")
    stash.up()
    assert http.get("/image/1/image").content == jpeg


def test_requests_are_counted_by_kind_and_operation(stash: StashStandIn, http: httpx.Client, jpeg: bytes):
    stash.library.add_image(jpeg)
    http.get("/image/1/image")
    http.get("/image/1/thumbnail")
    http.post("/graphql", json={"query": "query Who { version { version } }", "operationName": "Who"})
    assert stash.record.counts == {"original": 1, "thumbnail": 1, "graphql": 1, "Who": 1}


def test_headers_are_recorded(stash: StashStandIn, http: httpx.Client):
    http.get("/healthz", headers={"ApiKey": "secret"})
    assert stash.record.seen[0].headers["apikey"] == "secret"
