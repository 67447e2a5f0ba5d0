-- Why a series was taken or not, a row for each CT series that load-scans has met: what the series rule said of it the last time.
CREATE TABLE dbo.series_choices (
    series_uid NVARCHAR(64) NOT NULL,     -- as in dbo.scans, also where it is not stored
    study_uid NVARCHAR(64) NOT NULL,      -- study of the series, as in dbo.scans
    patient_id NVARCHAR(64) NOT NULL,     -- patient of the series, as in dbo.patients
    scan_id INT NULL,                     -- scan that it is stored as; NULL where it is not stored
    is_taken BIT NOT NULL,                -- 1 where it is stored, 0 where it was left out
    is_study_choice BIT NOT NULL,         -- 1 where the rule chose it of its study
    reason NVARCHAR(400) NOT NULL,        -- why it was taken, chosen or left out, in a sentence
    series_rule NVARCHAR(400) NOT NULL,   -- text of the rule, of the setting series_rule or given to load-scans
    number_images INT NOT NULL,           -- slices that it has
    slice_thickness FLOAT NULL,           -- as dbo.scans has it; NULL where it is not told
    spacing_z FLOAT NULL,                 -- as dbo.scans has it; NULL where it is not known
    convolution_kernel NVARCHAR(64) NULL, -- as dbo.scans has it; NULL where it is not told or may not be kept
    chosen_at DATETIME2(3) NOT NULL CONSTRAINT DF_series_choices_chosen_at DEFAULT SYSUTCDATETIME(), -- when the rule last looked at it, UTC
    CONSTRAINT PK_series_choices PRIMARY KEY (series_uid)
);
CREATE INDEX IX_series_choices_patient ON dbo.series_choices (patient_id, study_uid);
