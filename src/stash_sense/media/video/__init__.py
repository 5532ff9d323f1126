"""Videos: a file in, upright BGR frames at asked times out, decoded in a process of its own."""
