"""Stash over GraphQL and its image routes, in Stash's own words."""
