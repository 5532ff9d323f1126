"""Model packs: manifests, weights from packages or downloads, verification, conversion."""
