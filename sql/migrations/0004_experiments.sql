-- What a training run knew of each patient, what a prediction was made of. Old models were not calibrated: raw is the probability.
ALTER TABLE dbo.experiment_patients ADD
    scan_id INT NULL,
    vector_sha256 VARBINARY(32) NULL,
    label TINYINT NULL CONSTRAINT CK_experiment_patients_label CHECK (label IN (0, 1)),
    raw FLOAT NULL,
    out_of_fold BIT NOT NULL CONSTRAINT DF_experiment_patients_out_of_fold DEFAULT 0;
GO
UPDATE dbo.experiment_patients
SET raw = probability,
    out_of_fold = CASE WHEN part = 'test' THEN 1 ELSE 0 END,
    label = (SELECT l.label FROM dbo.labels AS l WHERE l.patient_id = dbo.experiment_patients.patient_id);
GO
ALTER TABLE dbo.predictions ADD
    raw_probability FLOAT NULL,
    prevalence FLOAT NULL CONSTRAINT CK_predictions_prevalence CHECK (prevalence > 0 AND prevalence < 1),
    vector_sha256 VARBINARY(32) NULL;
