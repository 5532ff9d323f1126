"""One module for each kind of source that has to become an ONNX file we run."""
