"""Works to queue, and a place for the queue's file."""

import pytest

from fakes.works import Works


@pytest.fixture
def works():
    return Works()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "jobs.db"
