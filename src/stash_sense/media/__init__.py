"""Pictures: a path, bytes or a URL in, upright BGR uint8 arrays out, safely."""
