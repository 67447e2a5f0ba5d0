-- A CT series. Where it lies in DICOM's patient coordinates: pixel (r, c) of slice k is at
-- origin + c * spacing_x * row + r * spacing_y * column + k * step.
CREATE TABLE dbo.scans (
    scan_id INT IDENTITY(1, 1) NOT NULL,      -- number of the scan
    patient_id NVARCHAR(64) NOT NULL,         -- patient of the scan
    is_primary BIT NOT NULL,                  -- 1 of the one scan of a patient that is trained on and scored
    series_uid NVARCHAR(64) NOT NULL,         -- DICOM's Series Instance UID, as it is or replaced like the patient's id
    study_uid NVARCHAR(64) NOT NULL,          -- DICOM's Study Instance UID, as it is or replaced like the patient's id
    study_date DATE NULL,                     -- day of the study as date_rule says; NULL where it is not known
    manufacturer NVARCHAR(64) NULL,           -- manufacturer of the scanner; NULL where the files do not name it
    image_rows INT NOT NULL,                  -- rows of a slice, in pixels
    image_cols INT NOT NULL,                  -- columns of a slice, in pixels
    number_images INT NOT NULL,               -- how many slices it has, which dbo.scan_images holds unless source_uri says where they lie
    spacing_z FLOAT NULL,                     -- millimetres from a slice to the next; NULL where it is not known
    spacing_y FLOAT NULL,                     -- millimetres from a row of pixels to the next; NULL where it is not known
    spacing_x FLOAT NULL,                     -- millimetres from a column of pixels to the next; NULL where it is not known
    content_sha256 VARBINARY(32) NOT NULL,    -- SHA-256 over its slices' pixels_sha256 in order: another one means another scan
    gantry_tilt FLOAT NULL,                   -- tilt of the gantry in degrees; NULL where it is not told
    deidentification NVARCHAR(64) NULL,       -- codes of DICOM PS3.16 CID 7050 of how it was de-identified; NULL where ids were kept
    patient_orientation NVARCHAR(2) NULL,     -- where in the patient columns, then rows of the pixels rise to, as DICOM's attribute: LP is
                                              -- left and back; NULL: loaded before it was recorded
    intake_rule TINYINT NOT NULL              -- how padding became HU: 1 took the HU of stored value 0 for it (so does a row that does not
                                              -- say), 2 and up take air
        CONSTRAINT DF_scans_intake_rule DEFAULT 1,
    monoenergetic_kev REAL NULL,              -- energy of a virtual monoenergetic series in keV, 0 where it is not told; NULL of any other
                                              -- series
    is_study_choice BIT NOT NULL CONSTRAINT DF_scans_is_study_choice DEFAULT 0, -- 1 of the one series of a study that the series rule chose
    acquisition_date DATE NULL,               -- day of the acquisition as date_rule says; NULL where it is not known
    date_rule VARCHAR(8) NULL,                -- what dates are: kept; shifted, all of a patient by as many days; year, the first of January
                                              -- of theirs; NULL: not recorded
    study_order INT NULL,                     -- how many of the patient's studies are known to be earlier; NULL where dates tell or nothing
                                              -- does
    study_year TINYINT NULL,                  -- screening year of a trial that has such, from 0; NULL of others
    time_point FLOAT NULL,                    -- where de-identifiers say that the study lies in time, in days from an event or as the
                                              -- number of a visit; NULL where they do not
    time_point_kind CHAR(16) NULL,            -- hash of what time_point counts: only those of one kind can be compared; NULL where none is
                                              -- told
    convolution_kernel NVARCHAR(64) NULL,     -- kernel as the scanner wrote it; NULL where it is not told or may not be kept
    kvp REAL NULL,                            -- tube voltage in kV; NULL where it is not told
    slice_thickness FLOAT NULL,               -- DICOM's Slice Thickness in millimetres, which may differ from spacing_z; NULL where it is
                                              -- not told
    has_contrast BIT NULL,                    -- 1 where a contrast agent was given, 0 where none was; NULL where nothing is said of one
    patient_age TINYINT NULL,                 -- completed years at the scan, at most 90; NULL where it is not known
    frame_of_reference_uid NVARCHAR(64) NULL, -- DICOM's Frame of Reference UID, kept or replaced like the patient's id; NULL without one
    origin_x FLOAT NULL,                      -- x of the centre of the lowest slice's first pixel, millimetres; NULL where not known
    origin_y FLOAT NULL,                      -- y of the centre of the lowest slice's first pixel, millimetres; NULL where not known
    origin_z FLOAT NULL,                      -- z of the centre of the lowest slice's first pixel, millimetres; NULL where not known
    row_x FLOAT NULL,                         -- x of the direction along a row, in which columns rise; of length 1; NULL where not known
    row_y FLOAT NULL,                         -- y of the direction along a row, in which columns rise; of length 1; NULL where not known
    row_z FLOAT NULL,                         -- z of the direction along a row, in which columns rise; of length 1; NULL where not known
    column_x FLOAT NULL,                      -- x of the direction along a column, in which rows rise; of length 1; NULL where not known
    column_y FLOAT NULL,                      -- y of the direction along a column, in which rows rise; of length 1; NULL where not known
    column_z FLOAT NULL,                      -- z of the direction along a column, in which rows rise; of length 1; NULL where not known
    step_x FLOAT NULL,                        -- x of the way from a slice to the next, in millimetres; NULL where not known
    step_y FLOAT NULL,                        -- y of the way from a slice to the next, in millimetres; NULL where not known
    step_z FLOAT NULL,                        -- z of the way from a slice to the next, in millimetres; NULL where not known
    source_uri NVARCHAR(400) NULL,            -- where the pixels lie of a scan that load-features brought: what the job that made its
                                              -- features was given to read, no path of a patient; NULL: in dbo.scan_images
    CONSTRAINT PK_scans PRIMARY KEY (scan_id),
    CONSTRAINT FK_scans_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT UQ_scans_series_uid UNIQUE (series_uid),
    CONSTRAINT CK_scans_size CHECK (image_rows > 0 AND image_cols > 0 AND number_images > 0),
    CONSTRAINT CK_scans_date_rule CHECK (date_rule IN ('kept', 'shifted', 'year')),
    CONSTRAINT CK_scans_patient_age CHECK (patient_age <= 90)
);
CREATE UNIQUE INDEX UX_scans_primary ON dbo.scans (patient_id) WHERE is_primary = 1;
CREATE INDEX IX_scans_patient ON dbo.scans (patient_id);
CREATE INDEX IX_scans_study ON dbo.scans (study_uid);
CREATE UNIQUE INDEX UX_scans_study_choice ON dbo.scans (patient_id, study_uid) WHERE is_study_choice = 1;
