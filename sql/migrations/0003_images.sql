-- The SHA-256 of a picture's bytes, which is checked whenever the picture is read.
ALTER TABLE dbo.images ADD sha256 VARBINARY(32) NULL;
GO
UPDATE dbo.images SET sha256 = HASHBYTES('SHA2_256', image);
GO
ALTER TABLE dbo.images ALTER COLUMN sha256 VARBINARY(32) NOT NULL;
