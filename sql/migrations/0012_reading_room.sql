-- The page as a reading room: the role administrator, and accounts that load scans. The column of roles becomes wide enough for the
-- third one, and CK_accounts_roles takes the place of the constraint of before; no row is changed.
ALTER TABLE dbo.accounts DROP CONSTRAINT IF EXISTS CK_accounts_role;
IF COL_LENGTH(N'dbo.accounts', N'role') < 15
    ALTER TABLE dbo.accounts ALTER COLUMN role VARCHAR(15) NOT NULL;
GO
-- What the worklist is sorted by, of rows that were there; nobody has reviewed any yet. Fewer rows at a time than would lock the table.
DECLARE @First INT = 0, @Last INT = (SELECT MAX(idx) FROM dbo.worklist);
WHILE @First <= @Last
BEGIN
    UPDATE dbo.worklist
    SET work = CASE state WHEN 3 THEN 0 WHEN 1 THEN 2 WHEN 2 THEN 4 ELSE 6 END + COALESCE(1 - probability, 0)
    WHERE work IS NULL AND idx BETWEEN @First AND @First + 1999;
    SET @First = @First + 2000;
END;
GO
-- IX_predictions_time, which begins with the same column, takes the place of IX_predictions_classifier: dbo.WatchModel reads the newest
-- scores of a version. It is made first, so that a version's scores can be found at any time.
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.predictions') AND name = N'IX_predictions_time')
    CREATE INDEX IX_predictions_time ON dbo.predictions (classifier_id, predicted_at) INCLUDE (scan_id, probability, predicted, scope);
DROP INDEX IF EXISTS IX_predictions_classifier ON dbo.predictions;
