-- A CT series. is_primary marks the one scan of a patient that is trained on and scored; spacing is in millimetres,
-- gantry_tilt in degrees. deidentification has the codes of DICOM PS3.16 CID 7050, NULL where ids were kept.
-- patient_orientation says where in the patient columns, then rows of the pixels rise to, as DICOM's attribute does: LP is
-- to the left and to the back. NULL: loaded before it was recorded. intake_rule counts how padding became HU: 1 took the HU of stored
-- value 0 for it, 2 and up take air; a row that does not say is of rule 1. monoenergetic_kev is the energy of a virtual monoenergetic
-- series (0 where its files do not tell it), NULL for any other.
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
    CONSTRAINT PK_scans PRIMARY KEY (scan_id),
    CONSTRAINT FK_scans_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT UQ_scans_series_uid UNIQUE (series_uid),
    CONSTRAINT CK_scans_size CHECK (image_rows > 0 AND image_cols > 0 AND number_images > 0)
);
CREATE UNIQUE INDEX UX_scans_primary ON dbo.scans (patient_id) WHERE is_primary = 1;
CREATE INDEX IX_scans_patient ON dbo.scans (patient_id);
