"""A host with several addresses: what swallows packets or refuses is passed over, in the time there is."""

import asyncio

import httpx
import pytest

from stash_sense.errors import UrlTooSlow, UrlUnreachable
from stash_sense.media.remote import FetchLimits, ImageFetcher


class Network(httpx.AsyncBaseTransport):
    """Connects as `answers` say by address: a picture, an error, or seconds to wait before a timeout."""

    def __init__(self, answers):
        self.answers, self.waits = answers, []

    async def handle_async_request(self, request):
        self.waits.append(request.extensions["timeout"]["connect"])
        answer = self.answers[request.url.host]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            raise httpx.ConnectTimeout("no answer")
        return httpx.Response(200, stream=httpx.ByteStream(answer), headers={"content-type": "image/jpeg"})


def fetch(answers, **limits):
    async def resolve(_host, _port):
        return list(answers)

    async def fetched():
        fetcher = ImageFetcher(FetchLimits(private_too=True, **limits), resolve)
        await fetcher._transport.aclose()
        fetcher._transport = network = Network(answers)
        try:
            return await fetcher.fetch("http://pictures.example/photo.jpg"), network.waits
        finally:
            await fetcher.aclose()

    return asyncio.run(fetched())


def test_an_address_that_swallows_packets_is_passed_over():
    assert fetch({"10.0.0.1": 0.0, "10.0.0.2": b"picture"})[0] == b"picture"


def test_an_address_that_refuses_is_passed_over():
    assert fetch({"10.0.0.1": httpx.ConnectError("refused"), "10.0.0.2": b"picture"})[0] == b"picture"


def test_the_first_address_leaves_time_for_the_others():
    answers = {"10.0.0.1": 0.0, "10.0.0.2": 0.0, "10.0.0.3": b"picture"}
    _, waits = fetch(answers, seconds=9.0, connect_s=5.0)
    assert waits[0] == pytest.approx(3.0, abs=0.01)
    assert waits[1] <= 4.5
    assert waits[2] == pytest.approx(5.0)


def test_the_time_told_is_the_time_taken():
    with pytest.raises(UrlTooSlow, match=r"given up after 0\.\d s\. Try again"):
        fetch({"10.0.0.1": 0.05, "10.0.0.2": 0.05}, seconds=20.0)


def test_when_all_refuse_it_is_unreachable():
    refused = httpx.ConnectError("refused")
    with pytest.raises(UrlUnreachable):
        fetch({"10.0.0.1": 0.0, "10.0.0.2": refused})
