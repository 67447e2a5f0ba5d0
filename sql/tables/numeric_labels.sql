-- A number known of a patient, for models of the task regression.
CREATE TABLE dbo.numeric_labels (
    patient_id NVARCHAR(64) NOT NULL, -- patient of whom the number is known
    value FLOAT NOT NULL,             -- the number that such a model is trained to predict
    source NVARCHAR(200) NULL,        -- what says so, such as the file that it was loaded from; NULL where that is not told
    CONSTRAINT PK_numeric_labels PRIMARY KEY (patient_id),
    CONSTRAINT FK_numeric_labels_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id)
);
