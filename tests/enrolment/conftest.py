"""What the tests of enrolment share."""

import pytest

from stash_sense.facedb.database import FaceDatabase
from stash_sense.jobs.workers import WorkPool


@pytest.fixture
def enrolled(place):
    """Name -> number of reference faces of the database at the place."""

    def enrolled():
        with FaceDatabase.open(place) as database:
            return {database.person(i).name: len(database.rows(i)) for i in range(database.people)}

    return enrolled


@pytest.fixture
def pool():
    pool = WorkPool(2, 1)
    yield pool
    pool.close(5)


def skipped(report):
    return [(photo.path, photo.reason) for photo in report.skipped]
