-- A number known of a patient that a model of the task regression is trained to predict.
CREATE TABLE dbo.numeric_labels (
    patient_id NVARCHAR(64) NOT NULL,
    value FLOAT NOT NULL,
    source NVARCHAR(200) NULL,
    CONSTRAINT PK_numeric_labels PRIMARY KEY (patient_id),
    CONSTRAINT FK_numeric_labels_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id)
);
