"""DELETE /people/{performer_id}: a person goes for good while the sidecar serves and jobs run."""

from click.testing import CliRunner

from stash_sense.__main__ import main
from stash_sense.facedb.database import FaceDatabase
from stash_sense.runtime.from_settings import database_dir

from .test_failures import problem


def test_a_person_is_deleted_while_it_serves_and_nobody_is_named_so_again(serve, settings_with, photo):
    settings = settings_with()
    with serve(settings) as served:
        assert named(served, photo) == ["Barack Obama"]
        answer = served.client.request("DELETE", "/people/Barack%20Obama")
        assert answer.status_code == 200, answer.text
        deleted = answer.json()
        assert (deleted["references"] > 0, deleted["photos"] > 0) == (True, True)
        assert named(served, photo) == []
        assert served.client.get("/jobs").status_code == 200
        problem(served.client.request("DELETE", "/people/Barack%20Obama"), 404, "not-stored")
    assert traces(settings.data_dir, b"Barack Obama") == []
    with FaceDatabase.open(database_dir(settings)) as database:
        assert database.people > 0


def named(served, photo):
    faces = served.client.post("/identify", files={"file": photo}).json()["faces"]
    return [match["name"] for face in faces for match in face["matches"][:1]]


def traces(folder, needle):
    return [
        str(file)
        for place in ("database", "stash_sense.db", "jobs.db", "stash_sense.db-wal", "jobs.db-wal")
        for file in [folder / place, *(folder / place).rglob("*")]
        if file.is_file() and needle in file.read_bytes()
    ]


def test_the_command_hands_the_work_to_the_sidecar_that_runs(serve, settings_with, photo):
    settings = settings_with()
    with serve(settings) as served:
        assert served.client.get("/jobs").status_code == 200  # which holds the list of jobs
        environment = {"STASH_SENSE_PORT": str(served.client.base_url.port), "STASH_URL": ""}
        command = ["--data-dir", str(settings.data_dir), "database", "delete-person", "Joe Biden", "--yes"]
        result = CliRunner().invoke(main, command, env=environment)
        assert result.exit_code == 0, result.output
        assert "Deleted: 1 reference face" in result.output
        assert named(served, photo) == ["Barack Obama"]
    assert traces(settings.data_dir, b"Joe Biden") == []
