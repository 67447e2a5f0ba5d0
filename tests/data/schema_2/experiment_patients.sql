-- A patient's part in a training run, and the probability that the finished model gives.
CREATE TABLE dbo.experiment_patients (
    experiment_id INT NOT NULL,
    patient_id NVARCHAR(64) NOT NULL,
    part VARCHAR(10) NOT NULL,
    fold INT NULL,
    probability FLOAT NOT NULL,
    CONSTRAINT PK_experiment_patients PRIMARY KEY (experiment_id, patient_id),
    CONSTRAINT FK_experiment_patients_experiments FOREIGN KEY (experiment_id)
        REFERENCES dbo.experiments (experiment_id),
    CONSTRAINT FK_experiment_patients_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT CK_experiment_patients_part CHECK (part IN ('train', 'validation', 'test')),
    CONSTRAINT CK_experiment_patients_probability CHECK (probability BETWEEN 0 AND 1)
);
