"""The real weights, converted once a session, and a loopback server that misbehaves on request."""

import functools
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from stash_sense.models import manifest, prepare

Run = Callable[..., list[np.ndarray]]


@pytest.fixture(scope="session")
def runner() -> Callable[[Path | onnx.ModelProto], Run]:
    """A network as a function of its inputs, on one thread."""

    def open_network(network):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        source = str(network) if isinstance(network, Path) else network.SerializeToString()
        session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        return functools.partial(session.run, None)

    return open_network


@pytest.fixture(scope="session")
def real(tmp_path_factory) -> tuple[Path, prepare.PreparedPack]:
    """The default pack, really converted, and the data folder it lies in. Tests leave it as it is."""
    data_dir = tmp_path_factory.mktemp("data")
    return data_dir, prepare.prepare_pack(manifest.DEFAULT_PACK, data_dir)


@dataclass
class Server:
    """Serves `files`; the lists are used up, one entry a request, then it behaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    etag: str | None = '"v1"'
    ranges: bool = True
    lengths: bool = True
    encoding: str = ""
    drop_after: list[int | None] = field(default_factory=list)
    statuses: list[int | None] = field(default_factory=list)
    requests: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    url: str = ""


def _handler(state: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args) -> None:
            pass

        def do_GET(self) -> None:
            asked, if_range = self.headers.get("Range"), self.headers.get("If-Range")
            state.requests.append((self.path, asked, if_range))
            status = state.statuses.pop(0) if state.statuses else None
            drop = state.drop_after.pop(0) if state.drop_after else None
            self.close_connection = True
            body = state.files.get(self.path)
            if status is not None or body is None:
                self.send_error(status or 404)
                return
            start = 0
            if state.ranges and asked and (if_range is None or if_range == state.etag):
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(body):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            else:
                self.send_response(200)
            if state.etag:
                self.send_header("ETag", state.etag)
            if state.lengths:
                self.send_header("Content-Length", str(len(body) - start))
            if state.encoding:
                self.send_header("Content-Encoding", state.encoding)
            self.end_headers()
            self.wfile.write(body[start:] if drop is None else body[start : start + drop])

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    yield state
    listener.shutdown()
    thread.join()
    listener.server_close()


def _tiny_network(side: int, seed: int) -> bytes:
    """(n, side, side, 3) -> (n, 512): the mean colour, through random weights."""
    weights = np.random.default_rng(seed).standard_normal((3, 512), dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["embedding"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", side, side, 3])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 512])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


@pytest.fixture
def tiny_pack(server: Server) -> manifest.PackManifest:
    """The community pack's manifest, its two downloads replaced by tiny networks on the loopback server."""
    community = manifest.load_manifest("stash-sense-community")

    def tiny(file: manifest.PackFile) -> manifest.PackFile:
        if not isinstance(file.source, manifest.UrlSource):
            return file
        data = _tiny_network(getattr(community.slots, file.role).size, seed=len(file.name))
        server.files[f"/{file.name}"] = data
        return file.model_copy(
            update={
                "source": manifest.UrlSource(url=f"{server.url}/{file.name}"),
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
        )

    return community.model_copy(update={"files": tuple(map(tiny, community.files))})
