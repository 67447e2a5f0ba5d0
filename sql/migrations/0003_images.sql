-- The SHA-256 of a picture's bytes, which is checked whenever the picture is read.
WHILE EXISTS (SELECT 1 FROM dbo.images WHERE sha256 IS NULL)
    UPDATE TOP (100) dbo.images SET sha256 = HASHBYTES('SHA2_256', image) WHERE sha256 IS NULL;
