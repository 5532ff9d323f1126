"""Signed requests: accepted for a minute, once, unchanged; and whoever read one can do nothing with it."""

import hashlib
import hmac
import os
import time

import pytest

from stash_sense.api import signatures
from stash_sense.api.access import AccessGuard
from stash_sense.api.signatures import Signature, SignatureVerifier, normalized_target
from stash_sense.errors import ClocksDiffer, QueueFull, Replayed, Unauthorized

SECRET = "a-secret-of-some-length"
NO_BODY = hashlib.sha256(b"").hexdigest()


def signed(
    secret=SECRET, *, at, method="GET", target="/jobs?target=gallery%3A45", digest=NO_BODY, nonce=None
):
    nonce = nonce or os.urandom(16).hex()
    text = f"{at}\n{nonce}\n{method}\n{target}\n{digest}"
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"t={at},n={nonce},s={signature}"


class Clock:
    def __init__(self):
        self.at = 1_000_000.5

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def verify(clock):
    """Verifies credentials; the sidecar has been running for an hour."""
    verifier = SignatureVerifier(SECRET, clock)
    clock.at += 3600

    def verify(credentials, method="GET", target=b"/jobs?target=gallery%3A45", digest=NO_BODY):
        verifier.verify(Signature.parse(credentials), method, target, digest)

    verify.verifier = verifier
    return verify


def test_a_signed_request_is_accepted_once(verify, clock):
    credentials = signed(at=int(clock.at))
    verify(credentials)
    with pytest.raises(Replayed):
        verify(credentials)
    verify(signed(at=int(clock.at)))


@pytest.mark.parametrize(
    "change",
    [{"method": "POST"}, {"target": b"/jobs"}, {"target": b"/jobs?target=gallery%3A46"}, {"digest": "0" * 64},
     {"target": b"/jobs/?target=gallery%3A45"}],
)  # fmt: skip
def test_a_changed_request_is_refused(verify, clock, change):
    with pytest.raises(Unauthorized):
        verify(signed(at=int(clock.at)), **change)


def test_another_secret_is_refused(verify, clock):
    with pytest.raises(Unauthorized):
        verify(signed("another", at=int(clock.at)))


@pytest.mark.parametrize("apart", [-60, -1, 0, 1, 60])
def test_a_minute_of_difference_is_accepted(verify, clock, apart):
    verify(signed(at=int(clock.at) + apart))


@pytest.mark.parametrize(("apart", "words"), [(-61, "61 s.*behind"), (61, "61 s.*ahead"), (7200, "7,200 s")])
def test_more_is_refused_with_the_difference(verify, clock, apart, words):
    with pytest.raises(ClocksDiffer, match=f"The clocks differ by {words}"):
        verify(signed(at=int(clock.at) + apart))


@pytest.mark.parametrize("apart", [-60, 0, 60])
def test_a_nonce_is_remembered_for_as_long_as_its_request_would_be_accepted(verify, clock, apart):
    credentials, sent = signed(at=int(clock.at) + apart), int(clock.at) + apart
    verify(credentials)
    while clock.at < sent + 61:
        with pytest.raises(Replayed):
            verify(credentials)
        clock.at += 1
    with pytest.raises(ClocksDiffer):
        verify(credentials)


def test_nonces_are_forgotten_when_their_time_is_over(verify, clock):
    for _ in range(50):
        verify(signed(at=int(clock.at)))
    clock.at += 61
    verify(signed(at=int(clock.at)))
    assert verify.verifier.remembered == 1


def test_the_memory_of_nonces_is_bounded_and_forgets_none_too_early(verify, clock, monkeypatch):
    monkeypatch.setattr(signatures, "MAX_NONCES", 3)
    first = [signed(at=int(clock.at)) for _ in range(3)]
    for credentials in first:
        verify(credentials)
    with pytest.raises(QueueFull):
        verify(signed(at=int(clock.at)))
    for credentials in first:
        with pytest.raises(Replayed):
            verify(credentials)


def test_strangers_cannot_fill_the_memory(verify, clock):
    for _ in range(10):
        with pytest.raises(Unauthorized):
            verify(signed("another", at=int(clock.at)))
    assert verify.verifier.remembered == 0


def test_after_a_restart_a_request_of_before_is_refused(clock):
    credentials = signed(at=int(clock.at))
    SignatureVerifier(SECRET, clock).verify(Signature.parse(credentials), "GET", *at_jobs())
    clock.at += 5
    restarted = SignatureVerifier(SECRET, clock)
    with pytest.raises(Replayed):
        restarted.verify(Signature.parse(credentials), "GET", *at_jobs())


def at_jobs():
    return b"/jobs?target=gallery%3A45", NO_BODY


@pytest.mark.parametrize(
    "credentials",
    ["", "t=1", "t=1,n=,s=" + "0" * 64, "t=x,n=a,s=" + "0" * 64, "t=1,n=a,s=00", "t=-1,n=a,s=" + "0" * 64,
     "t=1,n=a b,s=" + "0" * 64, f"t={'1' * 400},n=a,s=" + "0" * 64, f"t=1,n={'a' * 400},s=" + "0" * 64,
     "t=1,n=a,s=" + "0" * 64 + ",x=1", "t=\u0661,n=a,s=" + "0" * 64, "t=1,n=a\x00,s=" + "0" * 64, ",,,"],
)  # fmt: skip
def test_malformed_credentials_are_refused(credentials):
    with pytest.raises(Unauthorized, match="malformed"):
        Signature.parse(credentials)


@pytest.mark.parametrize("rewritten", ["/faces/a%3ab/crop", "/faces/a:b/crop", "/faces/%61%3Ab/crop"])
def test_a_proxy_may_rewrite_what_need_not_be_escaped(verify, clock, rewritten):
    for sent in ("/faces/a%3Ab/crop", "/faces/a:b/crop"):
        if normalized_target(sent.encode()) == sent.encode():
            verify(signed(at=int(clock.at), target=sent), target=rewritten.encode())
    assert normalized_target(rewritten.encode()) == b"/faces/a:b/crop"


@pytest.mark.parametrize("other", [b"/faces/a/b/crop", b"/faces/a%2Fb", b"/faces/a%3Fb/crop"])
def test_another_path_is_not_a_spelling(other):
    assert normalized_target(other) != normalized_target(b"/faces/a%2Fb/crop")


# Over HTTP


@pytest.fixture(scope="module")
def sealed(serve, settings_with):
    """A sidecar whose secret is set, so that it has to be shown."""
    with serve(settings_with(token=SECRET)) as served:
        yield served


def send(served, method, target, body=None, *, at=0, **change):
    digest = hashlib.sha256(body or b"").hexdigest()
    at = at or int(time.time())
    credentials = signed(at=at, method=method, target=target, digest=digest, **change)
    headers = {"Authorization": f"StashSense {credentials}", "Content-Type": "application/json"}
    return served.stranger.request(method, target, content=body, headers=headers), headers


def test_the_sidecar_answers_a_signed_request_once(sealed):
    answer, headers = send(sealed, "GET", "/health")
    assert "loaded" in answer.json()
    again = sealed.stranger.get("/health", headers=headers)
    assert (again.status_code, again.json()["code"]) == (401, "replayed")


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("GET", "/jobs?target=gallery:45", None, 200),
        ("GET", "/faces/no%2Fsuch/crop", None, 404),
        ("POST", "/journal", b'{"target_type": "image", "target_ids": ["1"], "local_id": "7"}', 200),
        ("DELETE", "/decisions/1234", None, 404),
        ("POST", "/jobs/nobody/cancel", None, 404),
        ("POST", "/journal", b"{" + b" " * 900_000 + b"}", 422),
        ("POST", "/identify/url?url=x", b"", 422),
    ],
)
def test_every_kind_of_request_can_be_signed(sealed, method, target, body, status):
    answer, _ = send(sealed, method, target, body)
    assert answer.status_code == status, answer.text


def test_the_body_belongs_to_the_signature(sealed):
    body = b'{"target_type": "image", "target_ids": ["1"], "local_id": "7"}'
    _, headers = send(sealed, "POST", "/journal", body)
    credentials = signed(
        at=int(time.time()),
        method="POST",
        target="/journal",
        digest=hashlib.sha256(body).hexdigest(),
    )
    headers["Authorization"] = f"StashSense {credentials}"
    answer = sealed.stranger.post("/journal", content=body.replace(b"7", b"8"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_a_body_whose_signature_is_not_yet_known_is_limited(sealed):
    answer, _ = send(sealed, "POST", "/identify", b"x" * 1_100_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert sealed.sidecar.pool.admitted == 0


def test_a_clock_that_is_off_is_told(sealed):
    answer, _ = send(sealed, "GET", "/health", at=int(time.time()) + 3600)
    assert (answer.status_code, answer.json()["code"]) == (401, "clocks-differ")
    assert answer.json()["detail"].startswith("The clocks differ by 3,")


def test_where_no_secret_is_asked_for_a_signature_is_not_looked_at(app):
    assert app.client.get("/health", headers={"Authorization": "StashSense t=1"}).status_code == 200


def test_programs_may_send_the_secret_as_bearer(sealed):
    assert sealed.client.get("/database/info").status_code == 200


async def test_a_secret_is_compared_in_constant_time(monkeypatch):
    """By `hmac.compare_digest`, of texts of the same length, whatever arrives."""
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(
        hmac, "compare_digest", lambda one, two: compared.append((one, two)) or real(one, two)
    )

    async def send(_):
        pass

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    guard = AccessGuard(None, secret=SECRET, allowed_hosts=())
    at = guard._signatures._started
    for given in ("Bearer x", "Bearer " + "x" * 999, f"StashSense {signed('wrong', at=at)}"):
        headers = [(b"host", b"127.0.0.1"), (b"authorization", given.encode())]
        scope = {"type": "http", "method": "GET", "path": "/jobs", "raw_path": b"/jobs", "query_string": b"",
                 "headers": headers, "client": ("127.0.0.1", 1)}  # fmt: skip
        await guard(scope, receive, send)
    assert len(compared) == 4  # a signature for both spellings of the path
    assert all(len(one) == len(two) for one, two in compared)
