-- The page as a reading room: the role administrator, and accounts that load scans. The column of roles becomes wide enough for the
-- third one, and CK_accounts_roles takes the place of the constraint of before; no row is changed.
ALTER TABLE dbo.accounts DROP CONSTRAINT IF EXISTS CK_accounts_role;
ALTER TABLE dbo.accounts ALTER COLUMN role VARCHAR(15) NOT NULL;
