"""Which secret the plugin's backend sends, and that nobody else learns it."""

import pytest

from stash_sense.runtime.secret import derive_token

from .conftest import JPEG, KEY, SESSION

pytestmark = pytest.mark.usefixtures("known")


def test_what_is_secret_in_an_address_is_not_told(call, stash):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = "http://me:hush@127.0.0.1:6960"
    assert "hush" not in repr(call("health"))


@pytest.mark.parametrize("token", ["hush\nhush", "hush\u20ac"])
def test_a_token_of_any_characters_signs_and_is_not_told(call, stash, sidecar, token):
    sidecar.secret = "another"
    stash.library.plugins["stash-sense"]["sidecarToken"] = token
    ran = call("health")
    assert ran.error == "Request failed: This needs the secret of this Stash Sense."
    assert "hush" not in repr(ran)


@pytest.mark.parametrize(
    ("mode", "args"),
    [
        ("health", {}),
        ("identify_image", {"image_id": "3"}),
        ("jobs", {"target": "gallery:45"}),
        ("reference", {"reference_id": "v.1/2"}),
        ("crop", {"face_id": "f1"}),
    ],
)
def test_each_request_is_signed_and_the_secret_stays(call, stash, sidecar, mode, args):
    sidecar.secret = stash.library.plugins["stash-sense"]["sidecarToken"] = "the-secret-of-the-sidecar"
    ran = call(mode, **args)
    assert ran.output
    assert call(mode, **args).output == ran.output  # with a nonce of its own
    assert len(set(sidecar.authorizations)) == 2
    assert "the-secret" not in repr(sidecar.authorizations) + repr(sidecar.asked) + repr(ran)


def test_under_a_prefix_the_path_is_signed_as_the_sidecar_sees_it(call, stash, sidecar):
    """A proxy takes the prefix off, and writes out what need not be escaped."""
    sidecar.secret = stash.library.plugins["stash-sense"]["sidecarToken"] = "secret"
    answer = sidecar.answer

    def behind_proxy(method, target, data, authorization):
        path = target.removeprefix("/sense").replace("%3A", ":")
        return answer(method, path, data, authorization)

    sidecar.answer = behind_proxy
    stash.library.plugins["stash-sense"]["sidecarUrl"] += "/sense"
    sidecar.pictures["stashdb.org:50459d16"] = JPEG
    assert call("reference", reference_id="stashdb.org:50459d16").output["image"].startswith("data:")


def test_clocks_that_differ_are_told(call, stash, sidecar):
    sidecar.secret = stash.library.plugins["stash-sense"]["sidecarToken"] = "secret"
    sidecar.access.clock_s = 95
    assert call("health").error.startswith("Request failed: The clocks differ by 9")


def test_the_token_is_derived_and_the_key_stays(call, stash, sidecar):
    stash.api_key, stash.session, sidecar.secret = KEY, SESSION, derive_token(KEY)
    ran = call("identify_image", image_id="3")
    assert ran.output["face_count"] == 1
    assert KEY not in repr(sidecar.authorizations) + repr(sidecar.asked) + repr(ran)
    assert derive_token(KEY) not in repr(ran)


def test_a_stash_without_login_takes_the_pasted_token(call, stash, sidecar):
    sidecar.secret = "pasted"
    stash.library.plugins["stash-sense"]["sidecarToken"] = " pasted "
    assert call("health").output["status"] == "ok"


def test_where_the_derived_token_is_not_taken_the_pasted_one_is_tried(call, stash, sidecar):
    stash.api_key, stash.session, sidecar.secret = KEY, SESSION, "pasted"
    stash.library.plugins["stash-sense"]["sidecarToken"] = "pasted"
    assert call("health").output["status"] == "ok"


def test_nothing_is_signed_where_there_is_no_secret(call, sidecar):
    call("health")
    assert sidecar.authorizations == [""]


def test_a_missing_or_wrong_token_is_told(call, stash, sidecar):
    sidecar.secret = "another"
    assert call("health").error == "Request failed: This needs a request signed with the secret."
    stash.library.plugins["stash-sense"]["sidecarToken"] = "wrong"
    assert call("health").error == "Request failed: This needs the secret of this Stash Sense."


def test_a_session_that_has_ended(call, stash):
    stash.api_key = KEY
    assert "Stash did not let its plugin read the settings (status 401)" in call("health").error
