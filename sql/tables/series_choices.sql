-- Why a series was taken or not, a row for each CT series that load-scans has met: what the series rule said of it the last time.
-- Ids are as in dbo.scans; scan_id is NULL of one that is not stored. rule is the text of the rule, reason one sentence.
CREATE TABLE dbo.series_choices (
    series_uid NVARCHAR(64) NOT NULL,
    study_uid NVARCHAR(64) NOT NULL,
    patient_id NVARCHAR(64) NOT NULL,
    scan_id INT NULL,
    is_taken BIT NOT NULL,
    is_study_choice BIT NOT NULL,
    reason NVARCHAR(400) NOT NULL,
    series_rule NVARCHAR(400) NOT NULL,
    number_images INT NOT NULL,
    slice_thickness FLOAT NULL,
    spacing_z FLOAT NULL,
    convolution_kernel NVARCHAR(64) NULL,
    chosen_at DATETIME2(3) NOT NULL CONSTRAINT DF_series_choices_chosen_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_series_choices PRIMARY KEY (series_uid)
);
CREATE INDEX IX_series_choices_patient ON dbo.series_choices (patient_id, study_uid);
