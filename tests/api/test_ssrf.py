"""An address given by a caller leads nowhere private, however it is written."""

import pytest

from stash_sense.errors import ForbiddenAddress
from stash_sense.media.addresses import WebAddress, is_fetchable

PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1",
    "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1",
    "5f00::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "not an address",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"]
NEVER = [
    "0.0.0.0",
    "169.254.169.254",
    "100.100.100.200",
    "fd00:ec2::254",
    "224.0.0.1",
    "::",
    "fe80::1",
    "ff02::1",
]
METADATA = [
    "169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd00:ec2::23", "100.100.100.200", "192.0.0.192",
    "168.63.129.16", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fd00:a9fe:a9fe::1",
    "fe80::a9fe:a9fe",
    "::ffff:169.254.169.254", "::ffff:a83f:8110", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::", "::a9fe:a9fe", "fd12:3456::a9fe:a9fe", "fd12:3456::168.63.129.16", "2606::6464:64c8",
]  # fmt: skip
HOME = ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "::1", "fd12::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_may_be_asked(address):
    assert not is_fetchable(address, private_too=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_asked(address):
    assert is_fetchable(address, private_too=False)


def test_allowing_the_home_network_allows_nothing_worse():
    assert all(is_fetchable(address, private_too=True) for address in (*HOME, *PUBLIC))
    assert not any(is_fetchable(address, private_too=True) for address in NEVER)


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize("private_too", [False, True])
def test_no_clouds_metadata_is_ever_asked(address, private_too):
    assert not is_fetchable(address, private_too=private_too)


@pytest.mark.parametrize(
    "host",
    ["metadata.google.internal", "metadata", "METADATA.goog.", "instance-data", "instance-data.ec2.internal",
     "metadata.tencentyun.com", "metadata.platformequinix.com", "metadata.azure.internal"],
)  # fmt: skip
def test_a_name_of_a_clouds_metadata_is_refused_unresolved(host):
    with pytest.raises(ForbiddenAddress):
        WebAddress.parse(f"http://{host}/a.jpg")


class Resolver:
    """Says of a host what the test says, one answer after another; counts how often it is asked."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    async def __call__(self, host, port):
        self.asked.append(host)
        answers = self.answers.get(host, [])
        return answers.pop(0) if len(answers) > 1 else answers[0] if answers else []


@pytest.fixture(scope="module")
def resolver():
    return Resolver()


@pytest.fixture(scope="module")
def guarded(serve, settings_with, resolver):
    with serve(settings_with(fetch_seconds=2.0), resolver) as served:
        yield served


def fetched(served, url):
    answer = served.client.post("/identify/url", params={"url": url})
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fd00::1]", "[::]", "0.0.0.0", "0",
        "2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "127.1", "127.0.1", "127.0.0.1.",
        "134744072", "0x08080808", "8.8.2056", "1.2.3.4.5", "0177.1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_literal_in_any_spelling_is_refused(guarded, resolver, scheme, host):
    resolver.asked.clear()
    assert fetched(guarded, f"{scheme}://{host}:8080/a.jpg") == (403, "forbidden-address")
    assert resolver.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://example.org/a", "gopher://127.0.0.1:6379/_x", "data:image/png;base64,AA",
        "//127.0.0.1/", "127.0.0.1", "http://", "http:///a", "http://user:pass@example.org/",
        "http://user@127.0.0.1/", "http://exa mple.org/", "http://127.0.0.1\\@example.org/", "http://a\r\nb/",
        "http://example.org:0/", "http://example.org:99999/",
        "http://①②⑦.0.0.1/", "jar:http://x!/", "a" * 5000,
        "http://0177.0.0.1/", "http://127%2e0%2e0%2e1/", "http://999.1.1.1/",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(guarded, url):
    status, code = fetched(guarded, url)
    assert (status, code) in ((422, "bad-url"), (422, "bad-parameter"), (403, "forbidden-address"))


@pytest.mark.parametrize("address", [one for one in PRIVATE if one[0].isdigit() or ":" in one])
def test_a_name_that_leads_to_a_private_address_is_refused(guarded, resolver, address):
    resolver.answers["home.example"] = [[address]]
    assert fetched(guarded, "http://home.example/a.jpg") == (403, "forbidden-address")


def test_one_private_address_among_public_ones_is_enough(guarded, resolver):
    resolver.answers["mixed.example"] = [["8.8.8.8", "10.0.0.1"]]
    assert fetched(guarded, "http://mixed.example/") == (403, "forbidden-address")


def test_a_name_is_resolved_once_and_what_was_checked_is_asked(serve, settings_with, web_server):
    """Rebinding: the second answer of the name must not matter, and nobody else may resolve it."""
    resolver = Resolver()
    resolver.answers["rebound.example"] = [["127.0.0.1"], ["10.255.255.1"]]
    settings = settings_with(allow_private_urls=True, fetch_seconds=5.0)
    with serve(settings, resolver) as served:
        url = f"http://rebound.example:{web_server[1]}/photo.jpg"
        answer = served.client.post("/identify/url", params={"url": url})
    assert answer.json()["face_count"] == 1
    assert resolver.asked == ["rebound.example"]


def test_each_redirect_is_checked_like_the_first(serve, settings_with, web_server, monkeypatch):
    """The web server stands for a public one; from there it points to private places."""
    port = web_server[1]
    monkeypatch.setattr(
        "stash_sense.media.remote.is_fetchable",
        lambda address, *, private_too: (
            address == "127.0.0.1" or is_fetchable(address, private_too=private_too)
        ),
    )
    resolver = Resolver()
    resolver.answers |= {"public.example": [["127.0.0.1"]], "home.example": [["10.0.0.1"]]}
    with serve(settings_with(), resolver) as served:
        for target in (
            "http://10.0.0.1/", "http://home.example/", "http://[::1]/", "http://2130706433/",
            "http://169.254.169.254/latest/meta-data/", "//home.example/a",
        ):  # fmt: skip
            url = f"http://public.example:{port}/to/{target}"
            assert fetched(served, url) == (403, "forbidden-address"), target
        good = served.client.post("/identify/url", params={"url": f"http://public.example:{port}/cookie"})
        assert good.json()["face_count"] == 1


def test_nothing_of_the_caller_or_of_an_earlier_answer_is_sent(web_app, web_server):
    web_app.asked.clear()
    for path in ("/cookie", "/photo.jpg"):
        url = web_app.web + path
        asked = {"Cookie": "mine=1", "Referer": "http://x/"}
        assert web_app.client.post("/identify/url", params={"url": url}, headers=asked).status_code == 200
    assert [path for path, _ in web_app.asked] == ["/cookie", "/photo.jpg", "/photo.jpg"]
    for _, headers in web_app.asked:
        assert set(headers) == {"Accept", "Accept-Encoding", "User-Agent", "Host"}
        assert headers["Host"] == f"pictures.example:{web_server[1]}"
