"""A client for stash-boxes: who somebody is, and pictures of them."""
