-- The truth for a patient.
CREATE TABLE dbo.labels (
    patient_id NVARCHAR(64) NOT NULL, -- patient whose truth it is
    label TINYINT NOT NULL,           -- 1 cancer, 0 none; or one of more classes, counted from 0
    source NVARCHAR(200) NULL,        -- what says so, such as the file that it was loaded from; NULL where that is not told
    CONSTRAINT PK_labels PRIMARY KEY (patient_id),
    CONSTRAINT FK_labels_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id)
);
