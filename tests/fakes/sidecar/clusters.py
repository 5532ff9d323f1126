"""What the stand-in knows of unknown people."""

from .contract import AskedClusters
from .library import Library
from .notes import Json, Problem

_BEST = 8
"""Faces that a cluster is listed with."""


class Clusters(Library):
    """Unknown people of the library: sets of faces, each on the image of its own number in `face_images`."""

    def __init__(self) -> None:
        super().__init__()
        self.clusters: dict[int, Json] = {}
        """By id: `faces`, and what differs from an open one."""
        self.face_images: dict[str, str] = {}
        self._changes: list[tuple[str, int, dict[int, list[str]]]] = []
        """Kind, cluster, and the faces of each cluster before."""

    def clusters_page(self, query: dict[str, str]) -> Json:
        """Raises ValidationError."""
        asked = AskedClusters.model_validate(query)
        wanted = ("hidden",) if asked.hidden else ("open",)
        views = [self._cluster(each) for each in self.clusters]
        listed = [each for each in views if each["status"] in wanted and each["face_count"]]
        listed.sort(key=lambda each: (-each["face_count"], each["cluster_id"]))
        start = int(asked.cursor or 0)
        end = start + asked.limit
        more = str(end) if end < len(listed) else None
        return {"clusters": listed[start:end], "total": len(listed), "next_cursor": more}

    def cluster_page(self, cluster_id: str, query: dict[str, str]) -> Json:
        """All of its faces: the stand-in has no further pages."""
        AskedClusters.model_validate(query)
        faces = self._own(cluster_id)["faces"]
        members = [
            {
                "track_id": at,
                "face_id": face,
                "target_type": "image",
                "target_id": self.face_images.get(face, "1"),
                "time_s": None,
                "gallery_ids": [],
                "named": False,
            }
            for at, face in enumerate(faces)
        ]
        return {"cluster": self._cluster(int(cluster_id)), "members": members, "next_cursor": None}

    def change_cluster(self, cluster_id: str, action: str, body: Json) -> Json:
        own, number = self._own(cluster_id), int(cluster_id)
        match action:
            case "name":
                own |= {"status": "named", "performer_id": body["performer_id"], "name": body.get("name")}
            case "unname":
                if own.get("status") != "named":
                    raise Problem(409, "refused", f"Cluster {cluster_id} has no name to be taken back.")
                own |= {"status": "open", "performer_id": None, "name": None}
            case "ignore":
                own |= {"status": "hidden" if body["ignored"] else "open"}
            case "merge":
                self._record("merge", number, [number, *body["cluster_ids"]])
                for each in body["cluster_ids"]:
                    own["faces"] = [*own["faces"], *self._own(each)["faces"]]
                    self._own(each)["faces"] = []
            case "split":
                self._record("split", number, [number])
                number = max(self.clusters) + 1
                self.clusters[number] = {"faces": [each for each in own["faces"] if each in body["face_ids"]]}
                own["faces"] = [each for each in own["faces"] if each not in body["face_ids"]]
            case _:
                return self._undo_change(number)
        return self._cluster(number)

    def _record(self, kind: str, cluster_id: int, touched: list[int]) -> None:
        self._changes.append((kind, cluster_id, {each: self._own(each)["faces"] for each in touched}))

    def _undo_change(self, cluster_id: int) -> Json:
        for change in reversed(self._changes):
            kind, of, before = change
            if of == cluster_id:
                self._changes.remove(change)
                back = {face for faces in before.values() for face in faces}
                for each in self.clusters.values():
                    each["faces"] = [face for face in each["faces"] if face not in back]
                for each, faces in before.items():
                    self.clusters[each]["faces"] = faces
                return {"undone": kind}
        raise Problem(404, "not-stored", f"Cluster {cluster_id} was neither merged nor split.")

    def _own(self, cluster_id: str | int) -> Json:
        if int(cluster_id) not in self.clusters:
            raise Problem(404, "not-stored", f"There is no cluster {cluster_id}.")
        return self.clusters[int(cluster_id)]

    def _cluster(self, cluster_id: int) -> Json:
        own = {"status": "open", "performer_id": None, "name": None, "nearest": [], **self._own(cluster_id)}
        faces = own.pop("faces")
        return {
            "cluster_id": cluster_id,
            **own,
            "track_count": len(faces),
            "face_count": len(faces),
            "image_count": len(faces),
            "scene_count": 0,
            "cover_face_id": faces[0] if faces else "",
            "face_ids": faces[:_BEST],
        }
