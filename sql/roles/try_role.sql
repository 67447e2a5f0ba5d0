-- The last step of giving rights: a user that holds one role alone runs the doctor. Untried on a SQL Server.
-- It makes a user without login, does what that user may, and drops it again. Run it in the database, as its owner, after sign.sql.
-- Expected: a row a check, "not visible" where the user may not look, then error 229 (EXECUTE was denied) for DeleteModel.
CREATE USER lungdb_trial WITHOUT LOGIN;
ALTER ROLE lungdb_reader ADD MEMBER lungdb_trial;
GO
EXECUTE AS USER = N'lungdb_trial';
EXECUTE dbo.Doctor;
EXECUTE dbo.DeleteModel @ModelName = N'no such model', @Version = 1;
GO
REVERT;
DROP USER lungdb_trial;
GO
