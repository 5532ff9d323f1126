"""Converters from published weights to the ONNX files that are run."""
