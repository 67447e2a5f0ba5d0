-- Which part a patient of scans or pictures belongs to. A patient of pictures alone has no row in dbo.patients.
CREATE TABLE dbo.splits (
    patient_id NVARCHAR(64) NOT NULL, -- the patient, as dbo.patients and dbo.images have ids
    part VARCHAR(10) NOT NULL,        -- train or test, from a keyed hash of patient_id (AssignSplits), so that it never changes
    CONSTRAINT PK_splits PRIMARY KEY (patient_id),
    CONSTRAINT CK_splits_part CHECK (part IN ('train', 'test'))
);
