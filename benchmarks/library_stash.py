"""A Stash as library.py needs it: many images, listed as fast as a real one does, in a process of its own.

library_stash.py PHOTOS COUNT PER_GALLERY: COUNT images over the JPEGs of PHOTOS, each under a fingerprint of
its own; the first half in galleries of PER_GALLERY. Prints its address; a line on standard input asks for the
counts. The tests' stand-in answers everything, but takes minutes of its own to list 100,000 images.
"""

import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = dict[str, Any]
COUNTS: Counter[str] = Counter()


class Library:
    """Images from 1 to count; gallery g has those behind (g - 1) * per_gallery."""

    def __init__(self, photos: Path, count: int, per_gallery: int) -> None:
        self.paths = sorted(photos.glob("*.jpg"))
        self.count = count
        self.per_gallery = per_gallery
        self.galleries = count // 2 // per_gallery

    def galleries_of(self, image: int) -> list[int]:
        gallery = (image - 1) // self.per_gallery + 1
        return [gallery] if gallery <= self.galleries else []

    def images(self, criteria: Json) -> list[int]:
        """By falling id."""
        wanted, below = (
            criteria.get("galleries") or {},
            (criteria.get("id") or {}).get("value", self.count + 1),
        )
        found: range | list[int]
        if wanted.get("modifier") == "IS_NULL":
            found = range(self.count, self.galleries * self.per_gallery, -1)
        elif wanted:
            numbers = sorted(map(int, wanted["value"]), reverse=True)
            found = [
                image
                for gallery in numbers
                for image in range(gallery * self.per_gallery, (gallery - 1) * self.per_gallery, -1)
            ]
        else:
            found = range(self.count, 0, -1)
        return [image for image in found if image < below]

    def image(self, number: int, base: str) -> Json:
        file = {
            "__typename": "ImageFile",
            "id": str(number),
            "path": f"/data/{number:07}.jpg",
            "size": 250_000,
            "mod_time": "2025-01-01T00:00:00Z",
            "width": 1600,
            "height": 1200,
            "fingerprints": [{"type": "md5", "value": f"{number:032x}"}],
        }
        return {
            "id": str(number),
            "title": None,
            "updated_at": "2025-01-01T00:00:00Z",
            "organized": False,
            "paths": {
                "image": f"{base}/image/{number}/image",
                "thumbnail": f"{base}/image/{number}/thumbnail",
            },
            "visual_files": [file],
            "performers": [],
            "galleries": [{"id": str(each)} for each in self.galleries_of(number)],
        }

    def gallery(self, number: int) -> Json:
        return {
            "id": str(number),
            "title": f"Gallery {number}",
            "organized": False,
            "image_count": self.per_gallery,
            "files": [],
            "folder": None,
            "performers": [],
        }

    def answer(self, operation: str, variables: Json, base: str) -> Json:
        """The data of one query."""
        page = variables.get("filter") or {}
        limit = page.get("per_page", 25)
        start = (page.get("page", 1) - 1) * limit
        if operation in ("ListImages", "FindImages"):
            found = self.images(variables.get("image_filter") or {})
            images = [self.image(each, base) for each in found[start : start + limit]]
            return {"findImages": {"count": len(found), "images": images}}
        if operation == "ListGalleries":
            below = ((variables["gallery_filter"] or {}).get("id") or {}).get("value", self.galleries + 1)
            galleries = range(below - 1, 0, -1)
            return {
                "findGalleries": {
                    "count": len(galleries),
                    "galleries": [self.gallery(each) for each in galleries[:limit]],
                }
            }
        if operation == "ListScenes":
            return {"findScenes": {"count": 0, "scenes": []}}
        if operation == "FindGallery":
            return {"findGallery": self.gallery(int(variables["id"]))}
        return {
            "version": {"version": "v0.30.1", "hash": "0"},
            "systemStatus": {"status": "OK", "databaseSchema": 75},
        }


def handler(library: Library) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            COUNTS["queries"] += 1
            base = f"http://{self.headers['Host']}"
            data = library.answer(asked["operationName"], asked.get("variables") or {}, base)
            self._send(json.dumps({"data": data}).encode(), "application/json")

        def do_GET(self) -> None:
            COUNTS["pictures"] += 1
            path = library.paths[int(self.path.split("/")[2]) % len(library.paths)]
            self._send(path.read_bytes(), "image/jpeg")

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing is logged."""

    return Handler


def main() -> None:
    library = Library(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(library))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _say({"url": f"http://127.0.0.1:{server.server_address[1]}"})
    for _ in sys.stdin:
        _say(dict(COUNTS))
        COUNTS.clear()


def _say(answer: Json) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
