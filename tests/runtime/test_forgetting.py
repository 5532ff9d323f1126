"""A person who was deleted is nowhere in the data folder, whatever was killed meanwhile, and stays away."""

import json
import zipfile

import pytest

from stash_sense.domain.identity import Person
from stash_sense.enrolment.forgotten import FORGOTTEN, ForgottenPeople
from stash_sense.errors import BadDatabase, Conflict, NotStored, StateBusy
from stash_sense.facedb.database import FaceDatabase
from stash_sense.runtime import forgetting
from stash_sense.runtime.forgetting import (
    forget_person,
    lift_forgetting,
    resume_forgetting,
    without_jobs,
)
from stash_sense.runtime.from_settings import database_dir, jobs_file, state_file
from stash_sense.runtime.known_people import export_person, find_known_people, one_known_person, open_state
from stash_sense.store.maintenance import list_backups
from stash_sense.store.repositories.jobs import JobsFile

from .conftest import ANNA, FORMER_UUID, JANE, UUID, unit_vectors, write_database


def forget(known, text=JANE.key):
    with open_state(known.settings) as state:
        person = one_known_person(known.settings, text, state)
    with without_jobs(known.settings):
        return forget_person(known.settings, person)


def test_no_file_holds_name_key_or_embedding_afterwards(known):
    assert len(known.traces()) >= 10
    report = forget(known)
    assert known.traces() == []
    assert (report.references, report.photos, report.versions) == (4, 5, 3)
    assert report.rows > 5
    assert report.mentions == {"recommendations": 1}
    assert report.jobs == 2


def test_nobody_else_loses_anything(known):
    forget(known)
    with FaceDatabase.open(database_dir(known.settings)) as database:
        assert [database.person(index) for index in range(database.people)] == [ANNA]
        assert [database.crop(row) for row in database.rows(0)] == [
            b"crop of Anna Other 0",
            b"crop of Anna Other 1",
        ]
        assert database.manifest.sources == ("stash",)
        (aside,) = [photo for photo in database.photos() if photo.skipped]
        assert aside.skipped.startswith("more like a person who was deleted")
    with open_state(known.settings) as state:
        one, two = state.get_image_result("1", embeddings=True).faces
        assert (one.verdict, one.facenet, [match.name for match in one.candidates]) == (
            "unknown",
            None,
            [ANNA.name],
        )
        assert (two.verdict, two.facenet is not None) == ("match", True)
        assert [entry.local_id for entry in state.journal_entries()] == ["5"]
        assert [listed.decision.performer_id for listed in state.list_decisions()] == [ANNA.key]
    jobs = JobsFile(jobs_file(known.settings))
    assert [(job.target, jobs.get(job.job_id).result is None) for job in jobs.list(None, 9)] == [
        ("gallery:9", True),
        ("gallery:5", False),
    ]
    jobs.close()


def test_older_backups_are_replaced_by_one_of_what_is_left(known):
    (before,) = list_backups(state_file(known.settings))
    report = forget(known)
    (after,) = list_backups(state_file(known.settings))
    assert before.name in report.backups
    assert "jobs.db.damaged-20260101-000000" in report.backups
    assert report.new_backup == after.name != before.name


@pytest.mark.parametrize(
    "text",
    [
        JANE.key,
        f"stashdb.org:{FORMER_UUID}",
        "local:47110815",
        "47110815",
        "Jane Folder",
        "Jané Testperson",
        "Jane\u0301 Testperson",
    ],
)
def test_a_person_is_found_by_key_former_key_id_alias_and_name(known, text):
    with open_state(known.settings) as state:
        (person,) = find_known_people(known.settings, text, state)
    assert {JANE.key, f"stashdb.org:{FORMER_UUID}", "local:47110815", "Jane Folder"} <= set(person.keys)
    assert person.references == 4


def test_a_name_of_two_people_is_refused_with_their_keys(known):
    twins = {Person("a", "Same"): unit_vectors(5, 1), Person("b", "Same"): unit_vectors(6, 1)}
    write_database(database_dir(known.settings), twins)
    with pytest.raises(Conflict, match=r"2 people: a \(Same\), b \(Same\)"):
        one_known_person(known.settings, "Same", None)
    with pytest.raises(NotStored, match="Nobody here"):
        one_known_person(known.settings, "same", None)


def test_a_folder_named_as_the_id_of_a_performer_is_another_person(known):
    write_database(
        known.settings.data_dir / "people" / "ghi", {Person("47110815", "47110815"): unit_vectors(7, 1)}
    )
    with open_state(known.settings) as state, pytest.raises(Conflict, match="2 people"):
        one_known_person(known.settings, "47110815", state)


STEPS = (
    "mention_test",
    "remove_person",
    "open_state",
    "delete_from_jobs",
    "create_backup",
    "sync_directory",
)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_step_the_next_start_finishes_it(known, monkeypatch, step, after):
    whole = getattr(forgetting, step)

    def killed(*arguments):
        if after:
            whole(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(forgetting, step, killed)
    with pytest.raises(KeyboardInterrupt):
        forget(known)
    monkeypatch.undo()
    resume_forgetting(known.settings)
    assert known.traces() == []
    assert forgetting.forgotten_people(known.settings) != ()
    assert list_backups(state_file(known.settings)) != []


def test_the_list_keeps_hashes_and_can_be_lifted_by_entry_key_or_name(known):
    entry_id = forget(known).entry_id
    for text in (entry_id, JANE.key, JANE.name):
        place = database_dir(known.settings)
        before = (place / FORGOTTEN).read_bytes()
        assert ForgottenPeople.read(place).covers(JANE)
        lift_forgetting(known.settings, text)
        assert not ForgottenPeople.read(place).covers(JANE)
        (place / FORGOTTEN).write_bytes(before)
    with pytest.raises(NotStored):
        lift_forgetting(known.settings, "nobody")


def test_a_damaged_list_is_told_instead_of_bringing_people_back(known):
    forget(known)
    (database_dir(known.settings) / FORGOTTEN).write_text("{")
    with pytest.raises(BadDatabase, match="Bring it back from a backup"):
        ForgottenPeople.read(database_dir(known.settings))


def test_while_a_sidecar_holds_the_jobs_nothing_is_deleted_behind_its_back(known):
    jobs = JobsFile(jobs_file(known.settings))
    with pytest.raises(StateBusy), without_jobs(known.settings):
        pass
    jobs.close()


def test_an_export_has_all_that_is_known(known, tmp_path):
    target = tmp_path / "jane.zip"
    with open_state(known.settings) as state:
        person = one_known_person(known.settings, "47110815", state)
        export_person(known.settings, person, state, target)
    with zipfile.ZipFile(target) as archive:
        data = json.loads(archive.read("person.json"))
        crops = [archive.read(name) for name in archive.namelist() if name.startswith("references/")]
    assert len(data["references"]) == 4
    assert len(data["references"][0]["embedding"]) == 16
    assert crops[0].startswith(b"crop of Jan")
    assert [decision["kind"] for decision in data["decisions"]] == ["confirmed", "rejected"]
    assert {face["image_id"] for face in data["faces_in_images"]} == {"1", "4"}
    assert [entry["local_id"] for entry in data["journal"]] == ["47110815"]
    assert len(data["jobs"]) == 2
    assert UUID in json.dumps(data)
