"""What the API gives of nodules: one schema for each kind of document."""

from __future__ import annotations

from marshmallow import Schema

from lungdb_web.api.fields import entries, number, share, text, truth, whole


class NoduleStage(Schema):
    """What a later stage, a network that looks again at a place, says of it."""

    network_name = text("The network.", "false_alarms")
    network_version = whole("Its version.", 1, least=1)
    preprocessing = text("The preprocessing of what it saw.", "volume")
    score = share("The score that it gave.", 0.87)


class Spot(Schema):
    """Where a nodule lies, and how large it is."""

    x = number("Of its centre, in millimetres, to the patient's left.", -48.5)
    y = number("To the patient's back.", 12.0)
    z = number("To the patient's head.", -310.25)
    slice = number("Of its centre, in fractions, from 0 at the feet; null where that is not known.", 61.4, null=True)
    row = number("Of its centre in the slices as they are shown, from 0.", 240.2, null=True)
    column = number("Of its centre in the slices as they are shown, from 0.", 318.9, null=True)
    diameter = number("In millimetres; null where it is marked as a point.", 8.4, null=True)
    volume = number("In cubic millimetres.", 310.0, null=True)


class FoundNodule(Spot):
    """A place that a detector took for a nodule."""

    id = whole("The number of the nodule.", 41, least=1)
    rank = whole("Its place among those of the detector, from 1, the most probable.", 1, least=1)
    score = share("What the detector gave, no probability of cancer.", 0.93, null=True)
    product = share("That times the scores of the later stages, which ranks count.", 0.81, null=True)
    stages = entries(NoduleStage, "What later stages say of it.")


class Detector(Schema):
    """A detector that saw the scan."""

    network_id = whole("The number of the network.", 3, least=1)
    network_name = text("The network.", "demo_detector")
    network_version = whole("Its version.", 1, least=1)
    preprocessing = text("The preprocessing of what it saw.", "volume")
    found = entries(FoundNodule, "What it found, the most probable first; empty where it found nothing.")


class Nodules(Schema):
    """What detectors found in the primary scan of a patient."""

    items = entries(Detector, "The detectors that saw the scan; empty where none did.")


class NoduleHit(Schema):
    """A candidate that lies within a nodule that readers marked: nearer to its centre than its radius."""

    id = whole("The number of the candidate.", 41, least=1)
    network_id = whole("The detector.", 3, least=1)
    network_name = text("Its name.", "demo_detector")
    network_version = whole("Its version.", 1, least=1)
    preprocessing = text("The preprocessing of what it saw.", "volume")
    rank = whole("The candidate's place among those of the detector.", 1, least=1)
    product = share("The candidate's score, times those of later stages.", 0.81, null=True)
    distance = number("Between the centres, in millimetres.", 1.7)


class MarkedNodule(Spot):
    """A nodule that readers marked."""

    id = whole("The number of the nodule.", 12, least=1)
    readers = whole("How many readers marked it.", 3, null=True)
    malignancy = number("The median of their impressions, 1 to 5; no label of the patient.", 3.5, null=True)
    is_relevant = truth(
        "Whether it is to be found: at least 3 readers, 3 mm. What is not is no false alarm either.", True
    )
    hits = entries(NoduleHit, "The best candidate of each detector that found it.")


class MarkedNodules(Schema):
    """What readers marked in the primary scan of a patient."""

    items = entries(MarkedNodule, "The nodules, those to be found and the largest first.")
