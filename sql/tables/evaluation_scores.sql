-- What a model gave a scan in an evaluation: label (NULL of a scan without one, which no figure counts), raw score, calibrated probability
-- and SHA-256 of the vector as they were then. scan_id refers to no row, because a scan may be replaced later.
CREATE TABLE dbo.evaluation_scores (
    evaluation_id INT NOT NULL,
    scan_id INT NOT NULL,
    patient_id NVARCHAR(64) NOT NULL,
    label TINYINT NULL,
    raw FLOAT NOT NULL,
    probability FLOAT NOT NULL,
    vector_sha256 VARBINARY(32) NOT NULL,
    CONSTRAINT PK_evaluation_scores PRIMARY KEY (evaluation_id, scan_id),
    CONSTRAINT FK_evaluation_scores_evaluations FOREIGN KEY (evaluation_id) REFERENCES dbo.evaluations (evaluation_id),
    CONSTRAINT FK_evaluation_scores_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT CK_evaluation_scores_probability CHECK (probability BETWEEN 0 AND 1)
);
CREATE INDEX IX_evaluation_scores_patient ON dbo.evaluation_scores (patient_id);
