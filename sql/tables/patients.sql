-- A patient.
CREATE TABLE dbo.patients (
    patient_id NVARCHAR(64) NOT NULL, -- DICOM's Patient ID as it is, or a keyed hash of it where the setting id_mode is keyed
    idx INT NOT NULL,                 -- 0, 1, 2, … in loading order; how people and the web page ask for a patient
    display_name NVARCHAR(128) NULL,  -- what the page shows as the patient's name; NULL where there is none
    sex NCHAR(1) NULL,                -- F, M or O (other), as DICOM has it; NULL where it is not known
    birth_year SMALLINT NULL,         -- year of birth; NULL where it is not known
    follows_newest BIT NOT NULL       -- 1 where the primary scan is the choice of the newest study, and moves when a newer one comes; 0 of
                                      -- patients who were there before studies were told apart, whose primary scan no load moves
        CONSTRAINT DF_patients_follows_newest DEFAULT 0,
    CONSTRAINT PK_patients PRIMARY KEY (patient_id),
    CONSTRAINT UQ_patients_idx UNIQUE (idx),
    CONSTRAINT CK_patients_idx CHECK (idx >= 0),
    CONSTRAINT CK_patients_sex CHECK (sex IN (N'F', N'M', N'O'))
);
