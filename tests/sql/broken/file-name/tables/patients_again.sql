CREATE TABLE dbo.patient_again (
    a INT NOT NULL -- a number
);
