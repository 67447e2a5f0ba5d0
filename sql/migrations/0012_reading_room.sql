-- The page as a reading room: the role administrator, and accounts that load scans. The column of roles becomes wide enough for the
-- third one, and CK_accounts_roles takes the place of the constraint of before; no row is changed.
ALTER TABLE dbo.accounts DROP CONSTRAINT IF EXISTS CK_accounts_role;
ALTER TABLE dbo.accounts ALTER COLUMN role VARCHAR(15) NOT NULL;
-- IX_predictions_time, which begins with the same column, takes the place of this one: dbo.WatchModel reads the newest scores of a version.
DROP INDEX IF EXISTS IX_predictions_classifier ON dbo.predictions;
