"""Who may ask: secrets, hosts, origins; and that no secret is ever said."""

import base64
import hashlib
import hmac
import re
import socket

import pytest
from pydantic import SecretStr

from stash_sense.runtime.secret import derive_token

from .conftest import API_KEY

CALLS = [
    ("POST", "/identify"),
    ("POST", "/identify/url?url=https://example.org/"),
    ("POST", "/identify/scene"),
    ("GET", "/database/info"),
    ("GET", "/references/x"),
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/metrics"),
    ("GET", "/nowhere"),
]
PAGES = ["/", "/docs", "/openapi.json", "/metrics"]


def basic(password, user="any"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture(scope="module")
def secret(locked):
    return locked.sidecar.secret.value


def test_the_token_is_the_hmac_of_the_contract(secret):
    assert secret == hmac.new(API_KEY.encode(), b"stash-sense/1", hashlib.sha256).hexdigest()
    assert secret == derive_token(API_KEY) != API_KEY


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_without_the_secret_nothing_is_answered(locked, method, path):
    answer = locked.stranger.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Basic" if path in PAGES else "Bearer")


@pytest.mark.parametrize(
    "given",
    [
        "", "Bearer", f"Bearer {API_KEY}", "Bearer x" * 500, "Basic Og==", "Basic !!!", "Digest x",
        "bearer\x80", "Bearer \xff\xfe",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/database/info", "/health", "/"])
def test_a_wrong_secret_is_refused(locked, given, path):
    answer = locked.stranger.get(path, headers=[(b"authorization", given.encode("latin-1"))])
    assert answer.status_code == 401


def test_the_secret_opens(locked, secret, photo):
    assert locked.client.post("/identify", files={"file": photo}).status_code == 200
    headers = {"Authorization": f"bearer  {secret}"}
    assert locked.stranger.get("/database/info", headers=headers).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_reads_the_pages_with_the_secret_as_password(locked, secret, path):
    assert locked.stranger.get(path, headers=basic(secret)).status_code == 200
    assert locked.stranger.get(path, headers=basic(API_KEY)).status_code == 401


def test_the_job_links_of_the_status_page_open_with_the_password(locked, secret):
    link = re.search(r'href="(jobs/\w+)"', _page_with_a_job(locked, secret))[1]
    answer = locked.stranger.get(f"/{link}", headers=basic(secret))
    assert (answer.status_code, answer.json()["kind"]) == (200, "database")
    assert "Basic" in locked.stranger.get(f"/{link}").headers["www-authenticate"]
    assert locked.stranger.post(f"/{link}/cancel", headers=basic(secret)).status_code == 401


def _page_with_a_job(locked, secret):
    queue = locked.sidecar.jobs.require()
    queue._file.add("database", "database", {"images": False}, 10)
    return locked.stranger.get("/", headers=basic(secret)).text


def test_what_a_browser_sends_by_itself_opens_nothing_else(locked, secret):
    assert locked.stranger.get("/database/info", headers=basic(secret)).status_code == 401
    assert locked.stranger.post("/identify", headers=basic(secret)).status_code == 401
    assert locked.stranger.post("/", headers=basic(secret)).status_code == 401


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:6960", "[::1]:6960", "localhost", "LOCALHOST:80", "stash-sense:6960",
     "192.168.1.4", "nas.example:6960", "NAS.example.", socket.gethostname(),
     f"{socket.gethostname().partition('.')[0].upper()}:6960"],
)  # fmt: skip
def test_a_host_that_can_be_ours_is_answered(hosts_app, host):
    assert hosts_app.client.get("/health", headers={"Host": host}).status_code == 200


@pytest.fixture(scope="module")
def hosts_app(serve, settings_with):
    with serve(settings_with(allowed_hosts="nas.example")) as served:
        yield served


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:6960", "127.0.0.1.evil.example", "localhost.evil.example",
     "nas.example.evil", "", "[::1", "a:b:c", "127.0.0.1@evil.example",
     "evil", "nas", "router:6960", "com", "stash-sense.evil.example"],
)  # fmt: skip
def test_a_foreign_host_is_refused(hosts_app, host):
    answer = hosts_app.client.get("/health", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign-host")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:{port}", "", "file://",
     "https://127.0.0.1.evil.example:{port}", "http://127.0.0.1", "ftp://127.0.0.1:{port}"],
)  # fmt: skip
def test_a_foreign_origin_is_refused(app, origin):
    headers = {"Origin": origin.format(port=app.port)}
    for answer in (app.client.get("/health", headers=headers), app.client.post("/identify", headers=headers)):
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign-origin")
        assert "access-control-allow-origin" not in answer.headers


def test_the_own_origin_is_answered(app):
    assert app.client.get("/health", headers={"Origin": app.url}).status_code == 200
    headers = {"Origin": "https://stash-sense", "Host": "stash-sense:443"}
    assert app.client.get("/health", headers=headers).status_code == 200


def test_no_other_page_is_allowed_by_cors(app):
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = app.client.options("/identify", headers=asked)
    assert answer.status_code == 403
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("with_key", [True, False])
def test_no_secret_in_any_answer_log_or_metric(serve, settings_with, monkeypatch, photo, with_key):
    token = "a-token-of-our-own-0123456789"
    given = {"token": SecretStr(token)}
    given |= {"STASH_API_KEY": SecretStr(API_KEY)} if with_key else {}

    def fail(*_):
        raise RuntimeError(f"told by mistake: {' '.join(secrets)}")

    with serve(settings_with(**given)) as served:
        secret = served.sidecar.secret.value
        secrets = {secret, token, *([API_KEY] if with_key else [])}
        said = [served.client.get(path) for path in (*PAGES, "/health", "/database/info", "/nowhere")]
        said.append(served.stranger.get("/", headers=basic("wrong" + secret)))
        said.append(served.client.post(f"/identify/url?url=http://{secret}:x@example.org/"))
        said.append(served.client.post("/identify", json={"image_url": secret, "top_k": secret}))
        with monkeypatch.context() as patch:
            patch.setattr("stash_sense.api.routes.identify.identify_picture", fail)
            said.append(served.client.post("/identify", files={"file": photo}))
        said.append(served.client.get("/"))
        texts = [answer.text + str(answer.headers) for answer in said]
        texts += served.log.lines
        texts.append(repr(served.sidecar) + repr(served.sidecar.settings))
        assert any("told by mistake" in line for line in served.log.lines)
    assert [text for text in texts if any(one in text for one in secrets)] == []
