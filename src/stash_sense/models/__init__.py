"""Model packs: manifests, weights from packages or downloads, verification, conversion.

Everything a caller needs is here; the modules behind it are this room's own.
"""
