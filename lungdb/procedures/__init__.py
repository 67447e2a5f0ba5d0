"""The functions that the stored procedures call.

Each is pure: from data frames and values to data frames and values. They open no connection and no file. A module is
imported when its function is asked for, because each brings other libraries and a prediction must not wait for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lungdb.procedures.features import generate_features
    from lungdb.procedures.images import featurize_images
    from lungdb.procedures.installation import check_installation
    from lungdb.procedures.prediction import predict_lung_cancer
    from lungdb.procedures.training import train_lung_cancer_model

__all__ = [
    "check_installation",
    "featurize_images",
    "generate_features",
    "predict_lung_cancer",
    "train_lung_cancer_model",
]

_MODULES = {
    "check_installation": "installation",
    "featurize_images": "images",
    "generate_features": "features",
    "predict_lung_cancer": "prediction",
    "train_lung_cancer_model": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
