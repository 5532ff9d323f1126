"""The OpenAPI is true: schemathesis finds no status, type or body that it does not tell of."""

import re
import sys
from urllib.parse import parse_qsl, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from pydantic import SecretStr
from schemathesis import GenerationMode, checks

from stash_sense.api import clients

from .conftest import API_KEY

CALLS = [
    ("GET", "/health"), ("GET", "/database/info"), ("GET", "/database/changes"),
    ("GET", "/database/unlearned"), ("POST", "/identify"), ("POST", "/identify/url"),
    ("POST", "/decisions"), ("DELETE", "/decisions/{decision_id}"), ("POST", "/decisions/faces"),
    ("GET", "/decisions"), ("GET", "/decisions/revision"), ("POST", "/decisions/undo"), ("POST", "/journal"),
    ("GET", "/journal"),
    ("PATCH", "/journal/{entry_id}"), ("POST", "/journal/{entry_id}/undone"),
    ("GET", "/faces/{face_id}/crop"),
    ("GET", "/references/{reference_id}"), ("GET", "/metrics"), ("POST", "/identify/scene"),
    ("POST", "/jobs/scene"), ("POST", "/jobs/library"), ("POST", "/identify/image"),
    ("POST", "/identify/gallery"), ("POST", "/jobs/gallery"), ("POST", "/jobs/database"), ("GET", "/jobs"),
    ("DELETE", "/jobs"), ("GET", "/jobs/{job_id}"), ("POST", "/jobs/{job_id}/cancel"),
    ("POST", "/jobs/{job_id}/pause"), ("POST", "/jobs/{job_id}/resume"), ("DELETE", "/people/{performer_id}"),
    ("POST", "/database/update"), ("POST", "/database/stale"), ("POST", "/database/rollback"),
    ("GET", "/database/newly-named"), ("POST", "/database/newly-named/dismiss"),
    ("GET", "/database/hygiene"), ("POST", "/database/quarantine"), ("POST", "/database/restore"),
    ("POST", "/journal/picture"), ("GET", "/journal/{entry_id}/picture"),
    ("GET", "/suggestions"), ("POST", "/suggestions/dismiss"), ("GET", "/people"),
    ("GET", "/people/{performer_id}/appearances"), ("GET", "/faces/{face_id}/similar"),
    ("GET", "/unknown"), ("GET", "/unknown/{cluster_id}"), ("POST", "/unknown/{cluster_id}/name"),
    ("POST", "/unknown/{cluster_id}/unname"), ("POST", "/unknown/{cluster_id}/merge"),
    ("POST", "/unknown/{cluster_id}/split"), ("POST", "/unknown/{cluster_id}/undo"),
    ("POST", "/unknown/{cluster_id}/ignore"),
]  # fmt: skip
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.ignored_auth,
    checks.unsupported_method,
]
TOLD = {502, 503, 504}


@pytest.fixture(scope="module")
def locked_in(serve, settings_with):
    """Locked, and no name leads anywhere: what is made up must not be asked for in the world.

    However many wrong secrets are made up, each is answered at once.
    """

    async def nowhere(host, port):
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "_FREE_ATTEMPTS", sys.maxsize)
        patch.setattr(clients, "_MOST_ATTEMPTS", sys.maxsize)
        with serve(settings_with(STASH_API_KEY=SecretStr(API_KEY)), nowhere) as served:
            yield served


@pytest.fixture(scope="module")
def described(locked_in):
    return schemathesis.openapi.from_dict(locked_in.client.get("/openapi.json").json())


def test_every_call_is_tried(described):
    found = {(one.ok().method.upper(), one.ok().path) for one in described.get_all_operations()}
    assert found == set(CALLS)


def test_every_call_tells_of_refused_callers(locked_in):
    paths = locked_in.client.get("/openapi.json").json()["paths"]
    for operations in paths.values():
        for operation in operations.values():
            assert {"401", "403", "429"} <= operation["responses"].keys()


RIGHT = {
    "/journal": {
        "performer_id": r"[^\0]{1,1000}",
        "limit": r"([1-9]\d?|[1-4]\d\d|500)(\.0)?",
        "before": r"\d{1,18}(\.0)?",
    },
    "/database/hygiene": {
        "kind": r"other-person|several-faces|poor-face|upside-down|by-hand|look-alike",
        "limit": r"([1-9]\d?|1\d\d|200)(\.0)?",
        "offset": r"\d{1,18}(\.0)?",
    },
}
"""Of calls that read: their queries."""


def beside_the_point(answer):
    """Made up as wrong, and right once it is sent: null is the text "null", and an empty list is nothing."""
    asked = urlsplit(answer.request.url)
    sent = dict(parse_qsl(asked.query, keep_blank_values=True))
    query = RIGHT.get(asked.path, {})
    right = all(re.fullmatch(query.get(name, ""), text, re.DOTALL) for name, text in sent.items())
    reads = answer.request.method == "GET" and asked.path in RIGHT
    return [checks.negative_data_rejection] if reads and right else []


@pytest.mark.filterwarnings("default")  # of schemathesis and what it stands on
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_nothing_untold_happens(locked_in, described, method, path, mode, torture):
    operation = described[path][method]
    if mode is GenerationMode.NEGATIVE and not (
        operation.body or operation.query or operation.path_parameters
    ):
        pytest.skip("takes nothing that could be wrong")
    secret = {"Authorization": f"Bearer {locked_in.sidecar.secret.value}"}

    @settings(
        max_examples=500 if torture else 6,
        deadline=None,
        database=None,
        derandomize=not torture,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case):
        answer = case.call(base_url=locked_in.url, headers=secret)
        assert answer.status_code < 500 or answer.status_code in TOLD
        case.validate_response(
            answer, checks=CHECKS, headers=secret, excluded_checks=beside_the_point(answer)
        )

    tried()
