"""What the API takes and gives of patients: one schema for each kind of document."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from lungdb_web.api.fields import (
    LARGEST,
    STATES,
    JsonInteger,
    QueryInteger,
    choice,
    count,
    day,
    entries,
    moment,
    number,
    share,
    text,
    truth,
    whole,
)
from lungdb_web.scans.pictures import WINDOWS

SORTS = ("index", "name", "date", "slices", "probability", "scored")
STATE = "What was done with the primary scan. 'failed': making its features failed."
STUDY_DATE = (
    "When the scan was made. Where ids are hashed all dates of a patient are the same 1 to 365 days too early; a first "
    "of January may stand for its year, where no more was kept."
)
LARGEST_PAGE = 200
LAST_PAGE = 1_000_000


class ProblemError(Schema):
    """What is wrong with one value of a request."""

    pointer = text("Where in the request: its part, then the path in it.", "/query/page_size")
    detail = text("What is wrong there.", "Must be greater than or equal to 1 and less than or equal to 200.")


class Problem(Schema):
    """Problem details as in RFC 9457."""

    type = text("The kind of problem; about:blank where the status says all.", "/api/v1/docs#unknown-patient")
    title = text("The kind of problem in words, the same every time.", "No such patient")
    status = whole("The HTTP status.", 404, least=400)
    detail = text(
        "What is wrong this time, and what to do.",
        "No patient with a scan has the index 999. Indices of patients run from 0 to 127; see dbo.patients.",
    )
    instance = text("The path that was asked for.", "/api/v1/patients/999")
    number = whole("The error number of the stored procedure that refused, if one did.", 50107, required=False)
    errors = fields.List(fields.Nested(ProblemError), metadata={"description": "The values that were refused."})


class WorklistQuery(Schema):
    """Which patients, in which order, and which page of them."""

    state = choice(STATE, STATES, example="scored")
    sort = choice(
        "What to sort by; 'scored' is when the newest score was given, 'work' has first what needs work.",
        SORTS,
        "index",
    )
    order = choice("In which order.", ("ascending", "descending"), "ascending")
    page = count("The page, from 1.", 1, LAST_PAGE)
    page_size = count("Patients a page.", 50, LARGEST_PAGE)


class WorklistSearch(WorklistQuery):
    """A search of the worklist. It is a body, since names do not belong in addresses, which are logged."""

    page = count("The page, from 1.", 1, LAST_PAGE, JsonInteger)
    page_size = count("Patients a page.", 50, LARGEST_PAGE, JsonInteger)

    text = fields.String(
        required=True,
        validate=validate.Length(1, 128),
        metadata={"description": "Part of a name or of a patient's id, or an index.", "example": "ana"},
    )


class PatientRow(Schema):
    """A patient in the worklist, with the newest score of the primary scan."""

    index = whole("The patient's index in the database.", 7)
    patient_id = text("DICOM's Patient ID, or a hash of it where ids are replaced.", "LUNG1-001")
    display_name = text("The name to show, where one was loaded.", "Ana Fernandez", null=True)
    sex = text("The sex as the scan's header has it.", "F", null=True)
    birth_year = whole("Year of birth.", 1958, null=True)
    study_date = day(STUDY_DATE)
    slices = whole("Axial slices of the primary scan.", 134, null=True)
    state = text(STATE, "scored")
    probability = share("The newest probability of cancer.", 0.31, null=True)
    model_name = text("The model that gave it.", "lightgbm_sql", null=True)
    model_version = whole("The model's version.", 2, null=True, least=1)
    predicted_at = moment("When it was given, in UTC.", null=True)


class Worklist(Schema):
    """A page of patients."""

    items = entries(PatientRow, "The patients of this page, in order.")
    total = whole("Patients on all pages.", 128)
    page = whole("This page.", 1, least=1)
    page_size = whole("Patients a page.", 50, least=1)


class Patient(Schema):
    """A patient, and what was done with the primary scan."""

    index = whole("The patient's index in the database.", 7)
    patient_id = text("DICOM's Patient ID, or a hash of it where ids are replaced.", "LUNG1-001")
    display_name = text("The name to show, where one was loaded.", "Ana Fernandez", null=True)
    sex = text("The sex as the scan's header has it.", "F", null=True)
    birth_year = whole("Year of birth.", 1958, null=True)
    part = text("The part of the data that the patient belongs to in training: train or test.", "test", null=True)
    state = text(STATE, "scored")
    failure = text("Why making the features failed, where it did.", null=True)


class Scan(Schema):
    """The primary scan of a patient. Spacings are in millimetres, between the centres of neighbours.

    Volume and slices are turned so that columns rise to the patient's left and rows to the back; so are the sizes here.
    """

    study_date = day(STUDY_DATE)
    manufacturer = text("Who made the scanner.", "SIEMENS", null=True)
    rows = whole("Rows of a slice.", 512, least=1)
    columns = whole("Columns of a slice.", 512, least=1)
    slices = whole("Axial slices; number 0 is at the feet.", 134)
    spacing_z = number("Between slices.", 2.5, null=True)
    spacing_y = number("Between rows.", 0.703, null=True)
    spacing_x = number("Between columns.", 0.703, null=True)
    gantry_tilt = number("Degrees between the slices' normal and the line that they are stacked along.", 0.0, null=True)
    patient_orientation = text(
        "Where in the patient columns, then rows rose to before the slices were turned for showing: L, R, A or P each. "
        "Null: not recorded, and LP is a guess.",
        "LP",
        null=True,
    )
    content_sha256 = text("SHA-256 over the slices' hashes in order, in hex.", null=True)


class SliceQuery(Schema):
    """How a slice is drawn."""

    window = choice("Which Hounsfield units are drawn from black to white.", tuple(WINDOWS), "lung")


class Prediction(Schema):
    """A score that a patient's primary scan was given."""

    id = whole("The number of the prediction.", 41, least=1)
    probability = share("The probability of cancer: calibrated, corrected where a prevalence is set.", 0.31)
    raw_probability = share("What the model gave before calibration and correction.", 0.28, null=True)
    prevalence = share("The share of cancers that it was corrected to; null for no correction.", null=True)
    model_name = text("The model.", "lightgbm_sql")
    model_version = whole("The model's version.", 2, least=1)
    predicted_at = moment("When it was given, in UTC.")
    predicted_by = text("The account or login that asked for it.", "dr.jones", null=True)


class Predictions(Schema):
    """The scores of a patient, newest first."""

    items = entries(Prediction, "The newest scores.")


class PredictionsQuery(Schema):
    """How many scores, and from where on."""

    limit = count("Scores to return.", 50, LARGEST_PAGE)
    before = QueryInteger(
        validate=validate.Range(1, LARGEST),
        metadata={"description": "Only scores older than the one of this number: the next page.", "example": 41},
    )


class ScoreRequest(Schema):
    """Which model is to score the patient."""

    model = fields.String(
        validate=validate.Length(1, 128),
        metadata={"description": "A model; the site's own where it is left out.", "example": "lightgbm_sql"},
    )
    version = whole("Its version; the one that the name serves where it is left out.", 1, least=1, required=False)


class Explanation(Schema):
    """A score, and what it means beside the scores of the model's training run.

    Those were given to its training patients by models that had not seen them.
    """

    id = whole("The number of the prediction.", 41, least=1)
    patient_index = whole("The patient's index.", 7)
    probability = share("The probability of cancer: calibrated, corrected where a prevalence is set.", 0.31)
    prevalence = share("The share of cancers that it was corrected to; null for no correction.", null=True)
    model_name = text("The model.", "lightgbm_sql")
    model_version = whole("The model's version.", 2, least=1)
    library = text("The library that it was trained with.", "lightgbm")
    test_auc = share("Area under its ROC curve on the test patients.", 0.87, null=True)
    test_auc_low = share("Lower end of the area's 95 % interval.", 0.79, null=True)
    test_auc_high = share("Upper end of the area's 95 % interval.", 0.95, null=True)
    test_patients = whole("Test patients.", 32, null=True)
    training_patients = whole("Patients that it was trained on.", 96, null=True)
    training_prevalence = share("The share of cancers among them.", 0.3, null=True)
    compared_patients = whole("Those of them whose scores this one is compared with.", 95, null=True)
    higher_than = share("Share of the training patients with a lower score; null without any.", 0.83, null=True)
    like_this = whole("Training patients who were scored about like this one.", 20, null=True)
    like_this_with_cancer = whole("How many of them had cancer; null for who may not see the truth.", 8, null=True)
    like_this_low = share("The lowest of their scores.", 0.24, null=True)
    like_this_high = share("The highest of their scores.", 0.39, null=True)
    like_this_about = share("Share of cancers around this score among them, to the nearest tenth.", 0.4, null=True)


class SimilarQuery(Schema):
    """By the features of which model, and how many."""

    model = fields.String(
        validate=validate.Length(1, 128),
        metadata={"description": "Whose features to compare; the site's own model where it is left out."},
    )
    limit = count("Patients to return.", 8, LARGEST_PAGE)


class SimilarPatient(Schema):
    """A patient whose scan is like the one asked about."""

    index = whole("The patient's index.", 12)
    display_name = text("The name to show, where one was loaded.", "Anthony Embleton", null=True)
    study_date = day(STUDY_DATE)
    similarity = number("The cosine of the features, -1 to 1.", 0.97)
    probability = share("The newest probability of cancer.", 0.44, null=True)
    state = text(STATE, "scored")


class SimilarPatients(Schema):
    """The patients most like one, the most like first."""

    items = entries(SimilarPatient, "The patients.")


class Truth(Schema):
    """What is known of the patient's cancer; all are null where nothing is."""

    cancer = truth("Whether the patient has cancer; null where the label is a class above 1.", True, null=True)
    label = whole("The label as it was loaded: 1 cancer, 0 none, or a class of more.", 1, null=True)
    source = text("Where that is known from.", "biopsy", null=True)
