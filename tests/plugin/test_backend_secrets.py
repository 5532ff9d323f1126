"""Which secret the plugin's backend sends, and that nobody else learns it."""

import pytest

from stash_sense.runtime.secret import derive_token

from .conftest import KEY, SESSION

pytestmark = pytest.mark.usefixtures("known")


def test_what_is_secret_in_an_address_is_not_told(call, stash):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = "http://me:hush@127.0.0.1:6960"
    assert "hush" not in repr(call("health"))


def test_a_token_that_cannot_be_sent_is_not_told(call, stash):
    stash.library.plugins["stash-sense"]["sidecarToken"] = "hush\nhush"
    ran = call("health")
    assert (
        ran.error
        == "Request failed: the address, token or session contains a character that HTTP cannot send"
    )
    assert "hush" not in repr(ran)


def test_the_token_is_derived_and_the_key_stays(call, stash, sidecar):
    stash.api_key, stash.session, sidecar.secret = KEY, SESSION, derive_token(KEY)
    ran = call("identify_image", image_id="3")
    assert ran.output["face_count"] == 1
    assert KEY not in repr(sidecar.tokens) + repr(sidecar.asked) + repr(ran)
    assert derive_token(KEY) not in repr(ran)


def test_a_stash_without_login_takes_the_pasted_token(call, stash, sidecar):
    sidecar.secret = "pasted"
    stash.library.plugins["stash-sense"]["sidecarToken"] = " pasted "
    assert call("health").output["status"] == "ok"


def test_where_the_derived_token_is_not_taken_the_pasted_one_is_tried(call, stash, sidecar):
    stash.api_key, stash.session, sidecar.secret = KEY, SESSION, "pasted"
    stash.library.plugins["stash-sense"]["sidecarToken"] = "pasted"
    assert call("health").output["status"] == "ok"


def test_no_token_is_sent_where_there_is_none(call, sidecar):
    call("health")
    assert sidecar.tokens == [""]


def test_a_wrong_token_says_so(call, sidecar):
    sidecar.secret = "another"
    assert call("health").error == "Request failed: This needs the secret of this Stash Sense."


def test_a_session_that_has_ended(call, stash):
    stash.api_key = KEY
    assert "Stash did not let its plugin read the settings (status 401)" in call("health").error
