"""Bodies are limited in bytes, in time and together before FastAPI sees them."""

import contextlib
import contextvars
import json

import anyio

from stash_sense.api import guards
from stash_sense.api.guards import BodyGuard, BodyLimit
from stash_sense.errors import QueueFull


class Client:
    """One request to the guard: chunks in, status and problem code out."""

    def __init__(self, guard, *chunks, path="/", method="POST", headers=(), disconnects=False):
        self.scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
        self.guard = guard
        self.messages = [
            {"type": "http.request", "body": chunk, "more_body": position < len(chunks)}
            for position, chunk in enumerate(chunks, 1)
        ]
        if disconnects:
            self.messages = [{**message, "more_body": True} for message in self.messages]
            self.messages.append({"type": "http.disconnect"})
        self.sent = []

    async def receive(self):
        if not self.messages:
            await anyio.sleep_forever()
        return self.messages.pop(0)

    async def send(self, message):
        self.sent.append(message)

    async def answer(self):
        await self.guard(self.scope, self.receive, self.send)
        body = b"".join(message.get("body", b"") for message in self.sent)
        return self.sent[0]["status"], json.loads(body)["code"] if body.startswith(b"{") else body


async def echo(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def guard(app=echo, max_bytes=10, seconds=60.0, **by_path):
    paths = {f"/{name}": limit for name, limit in by_path.items()}
    return BodyGuard(app, default=BodyLimit(max_bytes, "Send less."), by_path=paths, seconds=seconds)


async def test_a_body_in_chunks_arrives_whole():
    assert await Client(guard(), b"abc", b"", b"def").answer() == (200, b"abcdef")


async def test_a_request_without_a_body_passes():
    assert await Client(guard(), b"").answer() == (200, b"")


async def test_a_body_of_exactly_the_limit_passes():
    assert await Client(guard(), b"x" * 10).answer() == (200, b"x" * 10)


async def test_one_byte_more_than_the_limit_is_refused():
    assert await Client(guard(), b"x" * 5, b"x" * 6).answer() == (413, "body-too-large")


async def test_a_declared_length_beyond_the_limit_is_refused_unread():
    client = Client(guard(), b"x", headers=[(b"content-length", b"11"), (b"expect", b"100-continue")])
    assert await client.answer() == (413, "body-too-large")
    assert client.messages


async def test_a_refused_body_closes_the_connection():
    client = Client(guard(), b"x" * 11)
    await client.answer()
    assert (b"connection", b"close") in client.sent[0]["headers"]


async def test_a_path_has_a_limit_of_its_own():
    large = BodyLimit(100, "Send less.")
    assert (await Client(guard(large=large), b"x" * 50, path="/large").answer())[0] == 200
    assert (await Client(guard(large=large), b"x" * 50).answer())[0] == 413


async def test_a_body_that_stalls_is_given_up():
    client = Client(guard(seconds=0.05), b"x")
    client.messages[0]["more_body"] = True
    assert await client.answer() == (408, "body-too-slow")


async def test_a_client_that_disconnects_frees_what_it_sent():
    limit = BodyLimit(10, "Send less.")
    for _ in range(20):
        status, _ = await Client(guard(p=limit), b"x" * 9, path="/p", disconnects=True).answer()
        assert status == 499
    assert (await Client(guard(p=limit), b"x" * 9, path="/p").answer())[0] == 200


async def test_all_bodies_together_are_limited_until_they_are_answered():
    limit, hold = BodyLimit(10, "Send less."), anyio.Event()

    async def wait(scope, receive, send):
        await hold.wait()
        await echo(scope, receive, send)

    shared = guard(wait, p=limit)
    waiting = [Client(shared, b"x" * 10, path="/p") for _ in range(6)]
    async with anyio.create_task_group() as tasks:
        for client in waiting:
            tasks.start_soon(client.answer)
        await anyio.wait_all_tasks_blocked()
        assert await Client(shared, b"x", path="/p").answer() == (429, "full")
        assert (await Client(guard(p=limit), b"", path="/p").answer())[0] == 200
        hold.set()
    assert {client.sent[0]["status"] for client in waiting} == {200}
    assert (await Client(guard(p=limit), b"x", path="/p").answer())[0] == 200


async def test_one_client_may_hold_half_of_all_bodies(monkeypatch):
    limit, hold = BodyLimit(10, "Send less."), anyio.Event()

    async def wait(scope, receive, send):
        await hold.wait()
        await echo(scope, receive, send)

    shared, caller = guard(wait, p=limit), contextvars.ContextVar("caller", default="")
    monkeypatch.setattr(guards, "current_client", caller.get)

    async def ask(client, address):
        caller.set(address)
        await client.answer()

    greedy = [Client(shared, b"x" * 10, path="/p") for _ in range(5)]
    modest = Client(shared, b"x" * 10, path="/p")
    async with anyio.create_task_group() as tasks:
        for client in greedy:
            tasks.start_soon(ask, client, "10.0.0.9")
        tasks.start_soon(ask, modest, "10.0.0.8")
        await anyio.wait_all_tasks_blocked()
        hold.set()
    assert sorted(client.sent[0]["status"] for client in greedy) == [200, 200, 200, 429, 429]
    assert modest.sent[0]["status"] == 200
    assert not limit._held


async def test_a_full_sidecar_refuses_a_body_unread():
    @contextlib.contextmanager
    def full():
        raise QueueFull("Too many requests at a time.", 3)
        yield

    client = Client(guard(p=BodyLimit(10, "Send less.", full)), b"x", path="/p")
    assert await client.answer() == (429, "full")
    assert client.messages
    assert (b"retry-after", b"3") in client.sent[0]["headers"]


async def test_a_request_counts_no_longer_once_its_answer_begins():
    admitted = []

    @contextlib.contextmanager
    def admit():
        admitted.append(1)
        yield
        admitted.pop()

    class Watching(Client):
        async def send(self, message):
            assert not admitted
            await super().send(message)

    client = Watching(guard(p=BodyLimit(10, "Send less.", admit)), b"x", path="/p")
    assert await client.answer() == (200, b"x")
