-- How the images of a scan lie in the patient; lists of patients in the audit.
ALTER TABLE dbo.scans ADD patient_orientation NVARCHAR(2) NULL;
GO
ALTER TABLE dbo.audit ALTER COLUMN detail NVARCHAR(4000) NULL;
