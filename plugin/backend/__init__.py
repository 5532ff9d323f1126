"""The plugin's server side: it asks the sidecar what the browser may not."""
