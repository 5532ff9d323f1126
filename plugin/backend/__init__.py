"""The plugin's backend: Stash runs it to call the sidecar, which the browser cannot reach."""
