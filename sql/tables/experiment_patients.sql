-- A patient's part in a training run: scan, label and SHA-256 of the vector as they were then, and the model's score. raw is
-- the score before calibration; out_of_fold = 1 marks scores of a model that had not seen the patient, as every test score
-- is. scan_id refers to no row, because a scan may be replaced later. member counts a patient's scans in the run from 0. A run of the task
-- regression has target and predicted in place of label, raw and probability.
CREATE TABLE dbo.experiment_patients (
    experiment_id INT NOT NULL,
    patient_id NVARCHAR(64) NOT NULL,
    part VARCHAR(10) NOT NULL,
    fold INT NULL,
    probability FLOAT NULL,
    scan_id INT NULL,
    vector_sha256 VARBINARY(32) NULL,
    label TINYINT NULL,
    raw FLOAT NULL,
    out_of_fold BIT NOT NULL CONSTRAINT DF_experiment_patients_out_of_fold DEFAULT 0,
    member INT NOT NULL CONSTRAINT DF_experiment_patients_member DEFAULT 0,
    target FLOAT NULL,
    predicted FLOAT NULL,
    CONSTRAINT PK_experiment_patients_members PRIMARY KEY (experiment_id, patient_id, member),
    CONSTRAINT FK_experiment_patients_experiments FOREIGN KEY (experiment_id)
        REFERENCES dbo.experiments (experiment_id),
    CONSTRAINT FK_experiment_patients_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT CK_experiment_patients_part CHECK (part IN ('train', 'validation', 'test')),
    CONSTRAINT CK_experiment_patients_probability CHECK (probability BETWEEN 0 AND 1),
    CONSTRAINT CK_experiment_patients_score CHECK (probability IS NOT NULL OR predicted IS NOT NULL)
);
CREATE INDEX IX_experiment_patients_patient ON dbo.experiment_patients (patient_id);
