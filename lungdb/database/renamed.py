"""The names that version 0.2 gave in dbo to procedures that lie in the schema internal now, and what else went."""

from __future__ import annotations

MOVED_TO_INTERNAL = (
    "AddTerms",
    "AdvanceSearch",
    "BackwardLayers",
    "CalibrateScores",
    "CheckDataset",
    "CheckFeatureArguments",
    "CheckImageArguments",
    "CheckNetworkArguments",
    "CheckSearchArguments",
    "CheckTrainingArguments",
    "CheckWorker",
    "CompareScores",
    "DeleteModelNodes",
    "DrawNumbers",
    "FillProbabilities",
    "FindClassifier",
    "FindFeatureSet",
    "FindMatrices",
    "FindNetwork",
    "FindPatients",
    "FindPrevalence",
    "FindScan",
    "FindScoring",
    "ForwardLayers",
    "MeasureExperiment",
    "ReadNetwork",
    "ReadVectors",
    "RefreshUnitVectors",
    "ReportFailedImages",
    "ReportFailedScans",
    "ReportSearch",
    "ScoreScansSql",
    "StartNetwork",
    "StoreExperiment",
    "StoreFeatures",
    "StoreImageFeatures",
    "StoreNetwork",
    "StorePredictions",
    "StoreTrials",
    "TakeCopiedModel",
    "TakeCopiedNetwork",
    "TakeCopiedScans",
    "TakePage",
    "TakeTrainingPatients",
    "TakeTrials",
    "TrainBestTrial",
    "UpdateWeights",
    "WalkTrees",
)
"""Procedures, without their schema. The list is history: a newer internal procedure was never in dbo, where a site may
have one of its own by that name."""

NO_MORE = ("PROCEDURE IF EXISTS internal.RefreshUnitVectors", "TABLE IF EXISTS dbo.unit_vectors")
"""What earlier versions made and this one does not, as DROP names it."""

CONSTRAINTS_NO_MORE = {"dbo.extensions": ("CK_extensions_kind",)}
"""Constraints of tables that another name replaces, because it allows more: one of a name is never compared."""
