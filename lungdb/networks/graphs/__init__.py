"""Work on ONNX graphs."""
