"""The sidecar:

run it (`stash-sense serve`), its secret (`token`), its state file (`state`), and a client for it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click
import httpx

from stash_sense.cli.console import json_option, print_json, safe_text, stdout, workers_option
from stash_sense.enrolment.forgotten import ForgottenPeople
from stash_sense.errors import NoSidecar, SidecarRefused
from stash_sense.runtime.from_settings import database_dir, state_file
from stash_sense.runtime.secret import ensure_secret, find_secret, token_file
from stash_sense.settings import Settings
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import StateReport, check_state, create_backup, restore_backup
from stash_sense.store.state_import import import_lines

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)  # seconds; cancelling a job may take ten
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not listened on
_SECRET_ORIGINS = {
    "stash-key": "Derived from STASH_API_KEY. The plugin derives it too; you do not need to paste it.",
    "setting": "Set by STASH_SENSE_TOKEN. Paste it into the plugin's settings in Stash.",
    "file": "Stored in {file}. Paste it into the plugin's settings in Stash. If the sidecar was running "
    "before this token existed, restart it.",
}


@click.command("serve")
@click.option("--host", help="Address to listen on (environment: STASH_SENSE_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port (environment: STASH_SENSE_PORT).")
@workers_option
@click.pass_obj
def serve_command(settings: Settings, host: str | None, port: int | None) -> None:
    """Run the sidecar, which answers the Stash plugin over HTTP.

    Stop it with Ctrl-C. On 127.0.0.1, where only this machine can reach it, it works without a secret unless
    one is set. On any other address it requires one and generates it if there is none: see `stash-sense
    token`.

    \b
    Examples:
      stash-sense serve
      stash-sense serve --host 0.0.0.0
    """
    from stash_sense.api.app import run_server  # noqa: PLC0415 - saves other commands half a second

    run_server(settings.with_values(host=host, port=port))


@click.command("token")
@click.pass_obj
def token_command(settings: Settings) -> None:
    """Print the secret that the sidecar requires.

    Generates one if there is none.

    \b
    Example:
      stash-sense token
    """
    secret = ensure_secret(settings)
    click.echo(secret.value)
    click.echo(_SECRET_ORIGINS[secret.origin].format(file=safe_text(str(token_file(settings)))), err=True)


@click.group("state")
def state_group() -> None:
    """Check, back up and restore the state file.

    It holds all results, decisions and tags so far.

    \b
    Examples:
      stash-sense state check
      stash-sense state backup
    """


@state_group.command("check")
@json_option
@click.pass_context
def check_command(ctx: click.Context, as_json: bool) -> None:
    """Read the whole state file and report any damage. The exit status is 1 if there is some.

    \b
    Example:
      stash-sense state check
    """
    report = check_state(state_file(ctx.obj))
    if as_json:
        print_json(json.loads(json.dumps({**asdict(report), "ok": report.ok}, default=str)))
    else:
        stdout().print(_report_text(report), markup=False, highlight=False)
    if not report.ok:
        ctx.exit(1)


@state_group.command("backup")
@click.argument("target", required=False, type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def backup_command(settings: Settings, target: Path | None, as_json: bool) -> None:
    """Copy the state file to TARGET (default: next to it). Safe while the sidecar runs.

    \b
    Examples:
      stash-sense state backup
      stash-sense state backup /mnt/backup/stash_sense.db
    """
    copy = create_backup(state_file(settings), target)
    if as_json:
        print_json({"copied_to": str(copy)})
    else:
        click.echo(safe_text(f"Copied to {copy}."))


@state_group.command("restore")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@click.pass_obj
def restore_command(settings: Settings, source: Path, as_json: bool) -> None:
    """Replace the state file with the backup SOURCE. Stop the sidecar first.

    The replaced file is kept under another name.

    \b
    Example:
      stash-sense state restore /mnt/backup/stash_sense.db
    """
    path = state_file(settings)
    former = restore_backup(path, source)
    if as_json:
        print_json({"restored": str(path), "kept": str(former) if former else None})
    else:
        click.echo(safe_text(f"Restored {path}." + (f" The former file is {former}." if former else "")))


@state_group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def state_import_command(settings: Settings, file: Path, as_json: bool) -> None:
    """Take over what the state file FILE of another program holds: schema versions 7 to 16.

    Dismissals, recommendations, snapshots, settings, and fingerprints of scenes and images. FILE is copied
    and stays as it is; what is stored here already stays too. Safe while the sidecar runs.

    \b
    Example:
      stash-sense state import /mnt/old/stash_sense.db
    """
    forgotten = ForgottenPeople.read(database_dir(settings))
    with RecommendationsDB(state_file(settings)) as state:
        report = state.import_state(file, forgotten.covers_key)
    if as_json:
        print_json(asdict(report))
        return
    click.echo(safe_text(f"{file}: schema version {report.version}."))
    for line in import_lines(report):
        click.echo(safe_text(line))


class SidecarClient:
    """The HTTP API of the sidecar at `url`. Every method raises NoSidecar and SidecarRefused."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url = url
        self._http = http

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """GET a path of the API."""
        return self._send("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """POST to a path of the API."""
        return self._send("POST", path, json=body)

    def delete(self, path: str, timeout_s: float) -> dict[str, Any]:
        """DELETE a path of the API, which may take so long."""
        return self._send("DELETE", path, timeout=timeout_s)

    def _send(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **options)
        except httpx.ConnectError as error:
            raise NoSidecar(
                f"No sidecar is running at {self.url}. Start it with `stash-sense serve`, or set "
                "STASH_SENSE_HOST and STASH_SENSE_PORT to its address."
            ) from error
        except httpx.HTTPError as error:
            raise NoSidecar(
                f"The sidecar at {self.url} did not answer completely ({type(error).__name__}). Try again, "
                "or see its log."
            ) from error
        answer = _json(response)
        if answer is None:
            raise NoSidecar(
                f"The server at {self.url} is not Stash Sense (status {response.status_code}). Set "
                "STASH_SENSE_HOST and STASH_SENSE_PORT to the address of the sidecar."
            )
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise SidecarRefused(
                str(answer["code"]),
                f"The sidecar at {self.url} requires another secret. Run this command with the same "
                "STASH_API_KEY, STASH_SENSE_TOKEN and DATA_DIR as the sidecar.",
            )
        if response.is_error:
            raise SidecarRefused(str(answer["code"]), str(answer["detail"]))
        return answer


@contextmanager
def sidecar_client(settings: Settings) -> Iterator[SidecarClient]:
    """A client for the sidecar's address and secret in the settings. Raises NoSecret."""
    host = _LOOPBACK.get(settings.host, settings.host)
    url = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    secret = find_secret(settings)
    headers = {"Authorization": f"Bearer {secret.value}"} if secret else {}
    # No proxy from the environment: it would see the secret.
    with httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=False) as http:
        yield SidecarClient(url, http)


def _json(response: httpx.Response) -> dict[str, Any] | None:
    """None if another server answered: all answers of Stash Sense have a request id."""
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and "x-request-id" in response.headers else None


def _report_text(report: StateReport) -> str:
    """One line per fact, the problems last."""
    if not report.exists:
        return safe_text(f"{report.path} does not exist yet; the sidecar creates it at its first start.")
    lines = [f"{report.path}: {report.size:,} bytes, log {report.log_size:,} bytes, version {report.version}"]
    lines += [f"  {table}: {count:,}" for table, count in report.rows.items() if count]
    if report.pending:
        lines.append(f"Migrations at the next start: {', '.join(report.pending)}")
    if report.open_journal:
        lines.append(f"Tag writes that were begun but never confirmed: {report.open_journal} (GET /journal)")
    lines += [f"Backup: {copy}" for copy in report.copies]
    lines += [f"PROBLEM: {problem}" for problem in report.problems] or ["No problems found."]
    return "\n".join(safe_text(line) for line in lines)
