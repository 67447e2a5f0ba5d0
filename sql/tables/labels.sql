-- The truth for a patient: 1 cancer, 0 none; or one of more classes, counted from 0.
CREATE TABLE dbo.labels (
    patient_id NVARCHAR(64) NOT NULL,
    label TINYINT NOT NULL,
    source NVARCHAR(200) NULL,
    CONSTRAINT PK_labels PRIMARY KEY (patient_id),
    CONSTRAINT FK_labels_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id)
);
