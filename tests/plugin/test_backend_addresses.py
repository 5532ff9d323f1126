"""Where the plugin's backend looks for the sidecar and for Stash."""

import pytest

from fakes.ports import free_port

pytestmark = pytest.mark.usefixtures("known")


def test_nobody_at_the_address(call, sidecar):
    sidecar.down()
    assert call("health").error.startswith("Connection refused - is Stash Sense running?")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_localhost_may_be_stashs_own_container(call, stash, host):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = f"http://{host}:{free_port()}"
    assert f"{host} here is Stash's own container" in call("health").error


def test_another_address_is_not_said_to_be_a_container(call, stash):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = f"http://127.0.0.2:{free_port()}"
    assert call("health").error == "Connection refused - is Stash Sense running?"


def test_a_name_that_nobody_has(call, stash):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = "http://nobody.invalid:6960"
    assert call("health").error == (
        "Request failed: the host 'nobody.invalid' is unknown. Check the address in the plugin's settings"
    )


@pytest.mark.parametrize(
    "address", ["localhost:6960", "ftp://a", "http://", "http://u:p@h", "http://h:x", "http://["]
)
def test_an_address_that_is_none(call, stash, address):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = address
    assert "use one like http://localhost:6960" in call("health").error


def test_the_address_may_have_a_path(call, stash, sidecar):
    stash.library.plugins["stash-sense"]["sidecarUrl"] = f"{sidecar.url}/sense/"
    call("health")
    assert sidecar.asked[-1][1] == "/sense/health"
    sidecar.wrong.clear()


def test_without_settings_the_default_address_is_asked(call, stash):
    stash.library.plugins.clear()
    ran = call("health")
    assert "Connection refused" in ran.answer.get("error", "") or "output" in ran.answer


def test_stash_itself_gone(call, stash):
    stash.down()
    assert call("health").error.startswith("Request failed: Stash did not answer its own plugin")


@pytest.mark.parametrize("host", ["", "0.0.0.0", "localhost", "127.0.0.1"])
def test_stash_is_asked_where_it_listens(call, host):
    assert call("health", host=host).output["status"] == "ok"


@pytest.mark.parametrize("host", ["::1", "[::1]", "[::]"])
def test_stash_may_listen_at_an_address_of_version_6(call, host):
    assert call("health", host=host).error == (
        "Request failed: Stash did not answer its own plugin (Connection refused)"
    )
