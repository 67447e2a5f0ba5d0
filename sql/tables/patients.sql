-- A patient. idx counts 0, 1, 2, … in loading order and is how people and the web page ask for one.
-- follows_newest says that the primary scan is the choice of the newest study, and moves when a newer one comes; 0 of patients who were
-- there before studies were told apart, whose primary scan no load moves.
CREATE TABLE dbo.patients (
    patient_id NVARCHAR(64) NOT NULL,
    idx INT NOT NULL,
    display_name NVARCHAR(128) NULL,
    sex NCHAR(1) NULL,
    birth_year SMALLINT NULL,
    follows_newest BIT NOT NULL CONSTRAINT DF_patients_follows_newest DEFAULT 0,
    CONSTRAINT PK_patients PRIMARY KEY (patient_id),
    CONSTRAINT UQ_patients_idx UNIQUE (idx),
    CONSTRAINT CK_patients_idx CHECK (idx >= 0),
    CONSTRAINT CK_patients_sex CHECK (sex IN (N'F', N'M', N'O'))
);
