"""The functions that the stored procedures call.

Each is pure: from data frames and values to data frames and values. They open no connection and no file. A module is
imported when its function is asked for, because each brings other libraries and a prediction must not wait for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lungdb.procedures.comparing import compare_scores
    from lungdb.procedures.drifting import check_drift
    from lungdb.procedures.ensembling import create_ensemble
    from lungdb.procedures.evaluating import evaluate_scores
    from lungdb.procedures.features import generate_features, keep_and_generate_features
    from lungdb.procedures.image_classes import predict_images, train_image_classifier
    from lungdb.procedures.images import featurize_images
    from lungdb.procedures.installation import check_installation
    from lungdb.procedures.measuring import measure_scores
    from lungdb.procedures.nodes import model_nodes
    from lungdb.procedures.prediction import predict_lung_cancer
    from lungdb.procedures.scoring_many import predict_patients
    from lungdb.procedures.searching import make_trials, run_trials
    from lungdb.procedures.similarity import similar_patients, unit_vectors
    from lungdb.procedures.training import train_lung_cancer_model

__all__ = [
    "check_drift",
    "check_installation",
    "compare_scores",
    "create_ensemble",
    "evaluate_scores",
    "featurize_images",
    "generate_features",
    "keep_and_generate_features",
    "make_trials",
    "measure_scores",
    "model_nodes",
    "predict_images",
    "predict_lung_cancer",
    "predict_patients",
    "run_trials",
    "similar_patients",
    "train_image_classifier",
    "train_lung_cancer_model",
    "unit_vectors",
]

_MODULES = {
    "check_drift": "drifting",
    "check_installation": "installation",
    "compare_scores": "comparing",
    "create_ensemble": "ensembling",
    "evaluate_scores": "evaluating",
    "featurize_images": "images",
    "generate_features": "features",
    "keep_and_generate_features": "features",
    "make_trials": "searching",
    "measure_scores": "measuring",
    "model_nodes": "nodes",
    "predict_images": "image_classes",
    "predict_lung_cancer": "prediction",
    "predict_patients": "scoring_many",
    "run_trials": "searching",
    "similar_patients": "similarity",
    "train_image_classifier": "image_classes",
    "train_lung_cancer_model": "training",
    "unit_vectors": "similarity",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
