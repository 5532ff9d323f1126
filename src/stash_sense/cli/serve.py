"""`stash-sense serve` and `stash-sense token`: the sidecar, and the secret it asks for."""

import click

from stash_sense.cli.console import shown
from stash_sense.runtime.secret import ensure_secret, token_file
from stash_sense.settings import Settings

ORIGINS = {
    "stash-key": "Derived from STASH_API_KEY; the plugin derives the same, and nothing has to be pasted.",
    "setting": "Set by STASH_SENSE_TOKEN. Paste it into the plugin's settings.",
    "file": "Kept in {file}. Paste it into the plugin's settings. A sidecar that runs already has to be "
    "restarted to ask for it.",
}


@click.command()
@click.option("--host", help="The address to listen on (environment: STASH_SENSE_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="The port (environment: STASH_SENSE_PORT).")
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None) -> None:
    """Run the sidecar: answer over HTTP until it is stopped.

    On this machine alone (127.0.0.1), it asks for no secret unless there is one; on any other address it
    always does, and makes one where there is none.

    \b
    Example:
      stash-sense serve --host 0.0.0.0
    """
    from stash_sense.api.server import serve as run  # noqa: PLC0415 - half a second that others need not wait

    run(settings.with_values(host=host, port=port))


@click.command()
@click.pass_obj
def token(settings: Settings) -> None:
    """Print the secret that the sidecar asks for; make one where there is none."""
    secret = ensure_secret(settings)
    click.echo(secret.value)
    click.echo(ORIGINS[secret.origin].format(file=shown(str(token_file(settings)))), err=True)
