"""Image networks: what an ONNX file needs to be one of ours, its layers, and sessions that run it."""
