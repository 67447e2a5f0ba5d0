-- Which part a patient belongs to, from a keyed hash of patient_id, so that it never changes. AssignSplits fills it.
CREATE TABLE dbo.splits (
    patient_id NVARCHAR(64) NOT NULL,
    part VARCHAR(10) NOT NULL,
    CONSTRAINT PK_splits PRIMARY KEY (patient_id),
    CONSTRAINT FK_splits_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT CK_splits_part CHECK (part IN ('train', 'test'))
);
