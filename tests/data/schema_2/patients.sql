-- A patient. idx counts 0, 1, 2, … in loading order and is how people and the web page ask for one.
CREATE TABLE dbo.patients (
    patient_id NVARCHAR(64) NOT NULL,
    idx INT NOT NULL,
    display_name NVARCHAR(128) NULL,
    sex NCHAR(1) NULL,
    birth_year SMALLINT NULL,
    CONSTRAINT PK_patients PRIMARY KEY (patient_id),
    CONSTRAINT UQ_patients_idx UNIQUE (idx),
    CONSTRAINT CK_patients_idx CHECK (idx >= 0),
    CONSTRAINT CK_patients_sex CHECK (sex IN (N'F', N'M', N'O'))
);
