"""Weights of PyTorch networks from .safetensors, .pth and .pt files, and the networks they belong to as ONNX."""

from lungdb.networks.weights.files import is_weights, read_weights
from lungdb.networks.weights.naming import to_torchvision_names
from lungdb.networks.weights.recognition import build_network, random_weights

__all__ = ["build_network", "is_weights", "random_weights", "read_weights", "to_torchvision_names"]
