"""Whether acting on a model's probabilities does more good than acting on nobody or on everybody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Values = NDArray[np.float64]

THRESHOLDS: Values = np.arange(1, 100) / 100


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit at each threshold probability, float64[thresholds] each; acting on nobody has 0 everywhere."""

    threshold: Values
    model: Values
    everybody: Values


def decision_curve(labels: Labels, probabilities: Values, prevalence: float) -> DecisionCurve | None:
    """Give the net benefit of acting where the probability is the threshold or more, per patient of the site.

    Net benefit at the threshold t is the share of true positives minus the share of false positives times t / (1 − t)
    (Vickers and Elkin, Decision curve analysis, Medical Decision Making 2006). At a prevalence π these shares are
    sensitivity · π and (1 − specificity) · (1 − π) (Rousson and Zumbrunn, Decision curve analysis revisited, BMC
    Medical Informatics and Decision Making 2011), so that the curve holds for the site whatever share of positives
    the scans measured have; with their own share it is Vickers and Elkin's.

    Parameters
    ----------
    labels : int64[scans]
        0 or 1.
    probabilities : float64[scans]
        Corrected to the prevalence.
    prevalence : float
        Share of positives at the site, between 0 and 1.

    Returns
    -------
    DecisionCurve or None
        None when a class is missing.
    """
    positive = labels == 1
    if positive.all() or not positive.any():
        return None
    weight = THRESHOLDS / (1 - THRESHOLDS)
    called = probabilities[:, None] >= THRESHOLDS[None, :]
    sensitivity, alarms = called[positive].mean(axis=0), called[~positive].mean(axis=0)
    return DecisionCurve(
        THRESHOLDS,
        sensitivity * prevalence - alarms * (1 - prevalence) * weight,
        prevalence - (1 - prevalence) * weight,
    )
