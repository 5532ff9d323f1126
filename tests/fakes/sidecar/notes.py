"""What people say of faces, and the journal of what was tagged."""

import sys
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass
class Problem(Exception):
    """A failure as the sidecar answers it."""

    status: int
    code: str
    detail: str


class Notes:
    """Decisions and the journal."""

    def __init__(self) -> None:
        self.journal: list[Json] = []
        self.decisions: list[Json] = []
        self.unstored: set[str] = set()
        """Ids of faces that it no longer knows."""
        self.pictures_before: dict[int, Json] = {}
        """By the entry of the journal."""
        self._decided_before = 0

    def decide(self, given: Json) -> Json:
        return self._decided({**given, "face_ids": [given["face_id"]]})[0][0]

    def decide_faces(self, given: Json) -> Json:
        decisions, missing = self._decided(given)
        return {"decision_ids": [each["decision_id"] for each in decisions], "missing": missing}

    def _decided(self, given: Json) -> tuple[list[Json], list[str]]:
        """All or none: everything is looked up before anything is noted."""
        face_ids = list(dict.fromkeys(given["face_ids"]))
        stored = [each for each in face_ids if each not in self.unstored]
        if not stored:
            raise Problem(404, "not-stored", "None of these faces is stored. Identify the images again.")
        if given.get("entry_id") is not None:
            entry = self.entry(str(given["entry_id"]))
            if entry["status"] == "undone":
                raise Problem(409, "refused", f"Journal entry {given['entry_id']} was undone meanwhile.")
            if entry["status"] != "open" and not entry["added_ids"]:
                raise Problem(409, "refused", f"Journal entry {given['entry_id']} added nothing.")
        word = {key: value for key, value in given.items() if key != "face_ids"}
        return [self._put({**word, "face_id": each}) for each in stored], sorted({*face_ids} - {*stored})

    def _put(self, given: Json) -> Json:
        """Over those on the face that it contradicts; the same word again is the same decision."""
        of_face = [each for each in self.decisions if each["face_id"] == given["face_id"]]
        for other in of_face:
            if all(other.get(key) == given.get(key) for key in ("word", "performer_id")):
                if other.get("entry_id") and given.get("entry_id"):
                    other["entry_id"] = given["entry_id"]  # it goes with the latest write that said so
                return other
            if _contradicts(given, other):
                self.decisions.remove(other)
        self._decided_before += 1
        decision = {"decision_id": self._decided_before, **given}
        self.decisions.append(decision)
        return decision

    def decided(self, face: Json) -> list[Json]:
        """The decisions on a face, as an image's answer has them."""
        return [
            {"performer_id": None, "name": None, **each}
            for each in self.decisions
            if each["face_id"] == face["face_id"]
        ]

    def standing(self, query: dict[str, str]) -> Json:
        """A page of the decisions, latest first, each as it is listed."""
        before, limit = int(query.pop("before", sys.maxsize)), int(query.pop("limit", 50))
        listed = [
            {"performer_id": None, "name": None, "local_id": None, "image_id": None}
            | {"created_at": "2026-01-02 03:04:05", **each}
            for each in reversed(self.decisions)
            if each["decision_id"] < before and all(each.get(key) == query[key] for key in query)
        ]
        more = listed[limit - 1]["decision_id"] if len(listed) > limit else None
        return {"decisions": listed[:limit], "next_before": more}

    def revision(self) -> str:
        """Another one after each decision that is made or taken back."""
        return f"{len(self.decisions)}.{max((each['decision_id'] for each in self.decisions), default=0)}"

    def undecide(self, decision_id: str) -> Json:
        for decision in self.decisions:
            if str(decision["decision_id"]) == decision_id:
                self.decisions.remove(decision)
                return decision
        raise Problem(404, "not-stored", f"There is no decision {decision_id}.")

    def undecide_all(self, given: Json) -> Json:
        before = len(self.decisions)
        there = {each["decision_id"] for each in self.decisions}
        self.decisions = [each for each in self.decisions if each["decision_id"] not in given["decision_ids"]]
        missing = [each for each in given["decision_ids"] if each not in there]
        return {"undone": before - len(self.decisions), "missing": missing}

    def begin(self, given: Json) -> Json:
        entry = {"entry_id": len(self.journal) + 1, "batch_id": None, "action": "add", **given}
        entry |= {"status": "open", "added_ids": []}
        entry |= {"created_at": "2026-01-02 03:04:05", "completed_at": None, "undone_at": None}
        self.journal.append(entry)
        return entry

    def begin_picture(self, given: Json) -> Json:
        entry = self.begin(
            {"target_type": "picture", "target_ids": [given["local_id"]], "local_id": given["local_id"]}
        )
        self.pictures_before[entry["entry_id"]] = {key: given[key] for key in ("before", "after")}
        return entry

    def former_picture(self, entry_id: str) -> Json:
        if int(entry_id) not in self.pictures_before:
            raise Problem(
                404, "not-stored", f"The picture before journal entry {entry_id} is not kept any more."
            )
        return self.pictures_before[int(entry_id)]

    def entries(self, before: int, limit: int) -> Json:
        older = [each for each in reversed(self.journal) if each["entry_id"] < before]
        more = older[limit - 1]["entry_id"] if len(older) > limit else None
        return {"entries": older[:limit], "next_before": more}

    def entry(self, entry_id: str) -> Json:
        for entry in self.journal:
            if str(entry["entry_id"]) == entry_id:
                return entry
        raise Problem(404, "not-stored", f"There is no journal entry {entry_id}.")

    def end(self, entry_id: str, given: Json) -> Json:
        entry = self.entry(entry_id)
        markers = entry["target_type"] == "marker"  # of the scene that is the target
        if not markers and not set(given["added_ids"]) <= set(entry["target_ids"]):
            raise Problem(422, "bad-parameter", "added_ids has ids that the entry was not noted for.")
        if entry["status"] != "open":
            raise Problem(409, "refused", f"Journal entry {entry_id} is {entry['status']} already.")
        entry.update(given, completed_at="2026-01-02 03:04:06")
        return entry

    def undone(self, entry_id: str) -> Json:
        entry = self.entry(entry_id)
        if entry["status"] != "done" or not entry["added_ids"]:
            raise Problem(409, "refused", f"Journal entry {entry_id} has nothing to undo.")
        entry.update(status="undone", undone_at="2026-01-02 03:05:00")
        self.decisions = [each for each in self.decisions if each.get("entry_id") != entry["entry_id"]]
        return entry


def _contradicts(word: Json, other: Json) -> bool:
    """Whether a word makes an earlier one on the same face void."""
    same_person = word.get("performer_id") == other.get("performer_id")
    match word["word"]:
        case "confirmed":
            return other["word"] in {"confirmed", "ignored"} or (other["word"] == "rejected" and same_person)
        case "rejected":
            return other["word"] == "confirmed" and same_person
        case "ignored":
            return other["word"] in {"confirmed", "apart"}
        case _:
            return bool(other["word"] == "ignored")
