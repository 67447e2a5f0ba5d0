"""ONNX Runtime: providers, sessions, batches, features."""
