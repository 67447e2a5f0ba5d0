"""The functions that the stored procedures call.

Each is pure: from data frames and values to data frames and values. They open no connection and no file. A module is
imported when its function is asked for, because each brings other libraries and a prediction must not wait for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lungdb.procedures.clustering import cluster_scans
    from lungdb.procedures.comparing import compare_scores
    from lungdb.procedures.contrasting import contrast_models
    from lungdb.procedures.drifting import check_drift
    from lungdb.procedures.ensembling import create_ensemble
    from lungdb.procedures.evaluating import evaluate_scores
    from lungdb.procedures.explaining import explain_scans
    from lungdb.procedures.extending import list_extensions
    from lungdb.procedures.features import features_and_nodules, generate_features, keep_and_generate_features
    from lungdb.procedures.image_classes import predict_images, train_image_classifier
    from lungdb.procedures.images import featurize_images
    from lungdb.procedures.importance import feature_importance
    from lungdb.procedures.inspecting import inspect_dataset
    from lungdb.procedures.installation import check_runtime
    from lungdb.procedures.likeness import add_rows, similar_rows
    from lungdb.procedures.mapping import layer_maps, map_shapes
    from lungdb.procedures.maximising import maximise_image
    from lungdb.procedures.measuring import measure_scores
    from lungdb.procedures.nodes import model_nodes
    from lungdb.procedures.nodule_evaluating import evaluate_nodules
    from lungdb.procedures.nodule_scoring import score_nodules
    from lungdb.procedures.prediction import predict_and_measure_patient, predict_lung_cancer
    from lungdb.procedures.preprocessings import check_steps, preview_steps, transform_images
    from lungdb.procedures.regions import explain_regions
    from lungdb.procedures.rendering import render_map
    from lungdb.procedures.reports import similar_reports
    from lungdb.procedures.running import decoded_pictures, feature_matrix, lines_of_result, scan_volumes
    from lungdb.procedures.scoring_many import predict_and_measure, predict_patients
    from lungdb.procedures.searching import make_trials, run_trials
    from lungdb.procedures.similarity import binary_vectors, similar_patients, standard_vectors, unit_vectors
    from lungdb.procedures.top_slices import slices_sheet, top_triples
    from lungdb.procedures.training import train_lung_cancer_model
    from lungdb.procedures.unstored import features_of_slices
    from lungdb.procedures.usage import measured

__all__ = [
    "add_rows",
    "binary_vectors",
    "check_drift",
    "check_runtime",
    "check_steps",
    "cluster_scans",
    "compare_scores",
    "contrast_models",
    "create_ensemble",
    "decoded_pictures",
    "evaluate_nodules",
    "evaluate_scores",
    "explain_regions",
    "explain_scans",
    "feature_importance",
    "feature_matrix",
    "features_and_nodules",
    "features_of_slices",
    "featurize_images",
    "generate_features",
    "inspect_dataset",
    "keep_and_generate_features",
    "layer_maps",
    "lines_of_result",
    "list_extensions",
    "make_trials",
    "map_shapes",
    "maximise_image",
    "measure_scores",
    "measured",
    "model_nodes",
    "predict_and_measure",
    "predict_and_measure_patient",
    "predict_images",
    "predict_lung_cancer",
    "predict_patients",
    "preview_steps",
    "render_map",
    "run_trials",
    "scan_volumes",
    "score_nodules",
    "similar_patients",
    "similar_reports",
    "similar_rows",
    "slices_sheet",
    "standard_vectors",
    "top_triples",
    "train_image_classifier",
    "train_lung_cancer_model",
    "transform_images",
    "unit_vectors",
]

_MODULES = {
    "add_rows": "likeness",
    "binary_vectors": "similarity",
    "check_drift": "drifting",
    "check_runtime": "installation",
    "check_steps": "preprocessings",
    "cluster_scans": "clustering",
    "compare_scores": "comparing",
    "contrast_models": "contrasting",
    "create_ensemble": "ensembling",
    "decoded_pictures": "running",
    "evaluate_nodules": "nodule_evaluating",
    "evaluate_scores": "evaluating",
    "explain_regions": "regions",
    "explain_scans": "explaining",
    "feature_importance": "importance",
    "feature_matrix": "running",
    "features_of_slices": "unstored",
    "featurize_images": "images",
    "generate_features": "features",
    "inspect_dataset": "inspecting",
    "features_and_nodules": "features",
    "keep_and_generate_features": "features",
    "layer_maps": "mapping",
    "lines_of_result": "running",
    "list_extensions": "extending",
    "make_trials": "searching",
    "map_shapes": "mapping",
    "maximise_image": "maximising",
    "measure_scores": "measuring",
    "measured": "usage",
    "model_nodes": "nodes",
    "predict_and_measure": "scoring_many",
    "predict_and_measure_patient": "prediction",
    "predict_images": "image_classes",
    "predict_lung_cancer": "prediction",
    "predict_patients": "scoring_many",
    "preview_steps": "preprocessings",
    "render_map": "rendering",
    "run_trials": "searching",
    "scan_volumes": "running",
    "score_nodules": "nodule_scoring",
    "similar_patients": "similarity",
    "similar_reports": "reports",
    "similar_rows": "likeness",
    "slices_sheet": "top_slices",
    "standard_vectors": "similarity",
    "top_triples": "top_slices",
    "train_image_classifier": "image_classes",
    "train_lung_cancer_model": "training",
    "transform_images": "preprocessings",
    "unit_vectors": "similarity",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
