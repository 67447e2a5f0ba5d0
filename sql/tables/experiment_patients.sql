-- A patient's part in a training run: what was learnt from or tested on, and the model's score.
CREATE TABLE dbo.experiment_patients (
    experiment_id INT NOT NULL,       -- training run that it belongs to, in dbo.experiments
    patient_id NVARCHAR(64) NOT NULL, -- patient who was learnt from or tested on
    part VARCHAR(10) NOT NULL,        -- train, validation or test
    fold INT NULL,                    -- fold of the cross-validation, from 0; NULL where the patient is in none
    probability FLOAT NULL,           -- calibrated score, 0 to 1; NULL of a regression
    scan_id INT NULL,                 -- the scan as it was then; refers to no row, as a scan may be replaced later; NULL where it is not
                                      -- known
    vector_sha256 VARBINARY(32) NULL, -- SHA-256 of the text in UTF-16 of the vector that was read; NULL where it is not known
    label TINYINT NULL,               -- label as it was then; NULL of a regression, or where it is not known
    raw FLOAT NULL,                   -- score before calibration; NULL of a regression, or where it is not known
    out_of_fold BIT NOT NULL          -- 1 where the score is of a model that had not seen the patient, as every test score is
        CONSTRAINT DF_experiment_patients_out_of_fold DEFAULT 0,
    member INT NOT NULL CONSTRAINT DF_experiment_patients_member DEFAULT 0, -- counts the patient's scans in the run from 0
    target FLOAT NULL,                -- number of dbo.numeric_labels as it was then; NULL of a classification
    predicted FLOAT NULL,             -- number that the regression gave; NULL of a classification
    CONSTRAINT PK_experiment_patients_members PRIMARY KEY (experiment_id, patient_id, member),
    CONSTRAINT FK_experiment_patients_experiments FOREIGN KEY (experiment_id)
        REFERENCES dbo.experiments (experiment_id),
    CONSTRAINT FK_experiment_patients_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT CK_experiment_patients_part CHECK (part IN ('train', 'validation', 'test')),
    CONSTRAINT CK_experiment_patients_probability CHECK (probability BETWEEN 0 AND 1),
    CONSTRAINT CK_experiment_patients_score CHECK (probability IS NOT NULL OR predicted IS NOT NULL)
);
CREATE INDEX IX_experiment_patients_patient ON dbo.experiment_patients (patient_id);
