-- What a model gave a scan in an evaluation.
CREATE TABLE dbo.evaluation_scores (
    evaluation_id INT NOT NULL,           -- evaluation that it belongs to, in dbo.evaluations
    scan_id INT NOT NULL,                 -- the scan as it was then; refers to no row, as a scan may be replaced later
    patient_id NVARCHAR(64) NOT NULL,     -- patient of the scan
    label TINYINT NULL,                   -- 0 or 1 as it was then; NULL of a scan without one, which no figure counts
    raw FLOAT NOT NULL,                   -- score before calibration
    probability FLOAT NOT NULL,           -- calibrated score, 0 to 1
    vector_sha256 VARBINARY(32) NOT NULL, -- SHA-256 of the text in UTF-16 of the vector that was scored
    CONSTRAINT PK_evaluation_scores PRIMARY KEY (evaluation_id, scan_id),
    CONSTRAINT FK_evaluation_scores_evaluations FOREIGN KEY (evaluation_id) REFERENCES dbo.evaluations (evaluation_id),
    CONSTRAINT FK_evaluation_scores_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT CK_evaluation_scores_probability CHECK (probability BETWEEN 0 AND 1)
);
CREATE INDEX IX_evaluation_scores_patient ON dbo.evaluation_scores (patient_id);
