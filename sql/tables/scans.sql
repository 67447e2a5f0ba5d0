-- A CT series. is_primary marks the one scan of a patient that is trained on and scored; spacing is in millimetres,
-- gantry_tilt in degrees. deidentification has the codes of DICOM PS3.16 CID 7050, NULL where ids were kept.
-- patient_orientation says where in the patient columns, then rows of the pixels rise to, as DICOM's attribute does: LP is
-- to the left and to the back. NULL: loaded before it was recorded. intake_rule counts how padding became HU: 1 took the HU of stored
-- value 0 for it, 2 and up take air; a row that does not say is of rule 1. monoenergetic_kev is the energy of a virtual monoenergetic
-- series (0 where its files do not tell it), NULL for any other.
-- is_study_choice marks the one series of a study that the series rule chose. date_rule says what study_date and acquisition_date are:
-- kept; shifted, all of a patient by the same number of days; year, the first of January of theirs. study_order is how many of the
-- patient's studies are known to be earlier, where dates do not tell which are; study_year is the screening year of a trial that has such.
-- time_point is where de-identifiers say that the study lies in time, in days from an event or as the number of a visit; only those of one
-- time_point_kind, a hash of what they count, can be compared.
-- convolution_kernel is as the scanner wrote it, slice_thickness in millimetres, kvp in kV, patient_age in years at the scan, at most 90.
-- origin is the centre of the lowest slice's first pixel in millimetres, row and column the directions in which the columns and the rows
-- rise, step leads from a slice to the next, all in DICOM's patient coordinates: pixel (r, c) of slice k lies at
-- origin + c * spacing_x * row + r * spacing_y * column + k * step. NULL: not told by the files, or loaded before it was recorded.
CREATE TABLE dbo.scans (
    scan_id INT IDENTITY(1, 1) NOT NULL,
    patient_id NVARCHAR(64) NOT NULL,
    is_primary BIT NOT NULL,
    series_uid NVARCHAR(64) NOT NULL,
    study_uid NVARCHAR(64) NOT NULL,
    study_date DATE NULL,
    manufacturer NVARCHAR(64) NULL,
    image_rows INT NOT NULL,
    image_cols INT NOT NULL,
    number_images INT NOT NULL,
    spacing_z FLOAT NULL,
    spacing_y FLOAT NULL,
    spacing_x FLOAT NULL,
    content_sha256 VARBINARY(32) NOT NULL,
    gantry_tilt FLOAT NULL,
    deidentification NVARCHAR(64) NULL,
    patient_orientation NVARCHAR(2) NULL,
    intake_rule TINYINT NOT NULL CONSTRAINT DF_scans_intake_rule DEFAULT 1,
    monoenergetic_kev REAL NULL,
    is_study_choice BIT NOT NULL CONSTRAINT DF_scans_is_study_choice DEFAULT 0,
    acquisition_date DATE NULL,
    date_rule VARCHAR(8) NULL,
    study_order INT NULL,
    study_year TINYINT NULL,
    time_point FLOAT NULL,
    time_point_kind CHAR(16) NULL,
    convolution_kernel NVARCHAR(64) NULL,
    kvp REAL NULL,
    slice_thickness FLOAT NULL,
    has_contrast BIT NULL,
    patient_age TINYINT NULL,
    frame_of_reference_uid NVARCHAR(64) NULL,
    origin_x FLOAT NULL,
    origin_y FLOAT NULL,
    origin_z FLOAT NULL,
    row_x FLOAT NULL,
    row_y FLOAT NULL,
    row_z FLOAT NULL,
    column_x FLOAT NULL,
    column_y FLOAT NULL,
    column_z FLOAT NULL,
    step_x FLOAT NULL,
    step_y FLOAT NULL,
    step_z FLOAT NULL,
    CONSTRAINT PK_scans PRIMARY KEY (scan_id),
    CONSTRAINT FK_scans_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT UQ_scans_series_uid UNIQUE (series_uid),
    CONSTRAINT CK_scans_size CHECK (image_rows > 0 AND image_cols > 0 AND number_images > 0),
    CONSTRAINT CK_scans_date_rule CHECK (date_rule IN ('kept', 'shifted', 'year')),
    CONSTRAINT CK_scans_patient_age CHECK (patient_age <= 90)
);
CREATE UNIQUE INDEX UX_scans_primary ON dbo.scans (patient_id) WHERE is_primary = 1;
CREATE INDEX IX_scans_patient ON dbo.scans (patient_id);
CREATE UNIQUE INDEX UX_scans_study_choice ON dbo.scans (patient_id, study_uid) WHERE is_study_choice = 1;
