"""CNTK model files (`.model`), read without CNTK and converted to ONNX."""

from lungdb.networks.cntk.convert import convert_cntk, is_cntk

__all__ = ["convert_cntk", "is_cntk"]
