"""The calls of the HTTP API, one `router` for each subject."""
