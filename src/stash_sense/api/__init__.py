"""The sidecar over HTTP: requests in, problem documents or answers out."""
