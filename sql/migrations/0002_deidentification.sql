-- What became of a scan's identity on loading, and how far its gantry was tilted.
ALTER TABLE dbo.scans ADD gantry_tilt FLOAT NULL;
GO
ALTER TABLE dbo.scans ADD deidentification NVARCHAR(64) NULL;
