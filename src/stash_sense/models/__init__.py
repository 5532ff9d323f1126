"""Model packs: manifests, weights from packages or downloads, verification, and conversion to ONNX."""
