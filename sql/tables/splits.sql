-- Which part a patient of scans or pictures belongs to, from a keyed hash of patient_id, so that it never changes. AssignSplits fills it.
-- A patient of pictures alone has no row in dbo.patients.
CREATE TABLE dbo.splits (
    patient_id NVARCHAR(64) NOT NULL,
    part VARCHAR(10) NOT NULL,
    CONSTRAINT PK_splits PRIMARY KEY (patient_id),
    CONSTRAINT CK_splits_part CHECK (part IN ('train', 'test'))
);
