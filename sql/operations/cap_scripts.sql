-- Caps what external scripts of lungdb's logins and of jobs may take: a pool of memory and processors, a workload group in it, and
-- a classifier that sends those sessions there. Agent connects as its own service account, so a job's sessions are known by the
-- program's name, and that takes the T-SQL steps of every job of this server, not of lungdb's alone. Run it in
-- master as sysadmin; again to change the caps. Enterprise, Developer, Standard from 2025. Untried on a server; after
-- https://learn.microsoft.com/sql/machine-learning/administration/create-external-resource-pool (6 August 2020)
-- Change the logins in the classifier, and the two percentages.
SET NOEXEC OFF;
GO
IF EXISTS (SELECT 1 FROM sys.resource_governor_configuration
    WHERE classifier_function_id <> 0 AND classifier_function_id <> ISNULL(OBJECT_ID(N'dbo.classify_lungdb'), 0))
BEGIN
    RAISERROR(N'This server has a classifier of its own. Nothing was done. Make pool and group, and let that one return the group.', 16, 1);
    SET NOEXEC ON;
END;
GO
IF EXISTS (SELECT 1 FROM sys.resource_governor_configuration WHERE classifier_function_id <> 0)
    EXECUTE (N'ALTER RESOURCE GOVERNOR WITH (CLASSIFIER_FUNCTION = NULL); ALTER RESOURCE GOVERNOR RECONFIGURE;');
GO
IF NOT EXISTS (SELECT 1 FROM sys.resource_governor_external_resource_pools WHERE name = N'lungdb_scripts')
    CREATE EXTERNAL RESOURCE POOL lungdb_scripts;
ALTER EXTERNAL RESOURCE POOL lungdb_scripts WITH (MAX_MEMORY_PERCENT = 50, MAX_CPU_PERCENT = 75);
GO
IF NOT EXISTS (SELECT 1 FROM sys.resource_governor_workload_groups WHERE name = N'lungdb_scripts')
    CREATE WORKLOAD GROUP lungdb_scripts USING [default], EXTERNAL lungdb_scripts;
GO
EXECUTE (N'CREATE OR ALTER FUNCTION dbo.classify_lungdb() RETURNS sysname WITH SCHEMABINDING
AS
BEGIN
    RETURN CASE WHEN APP_NAME() LIKE N''SQLAgent - TSQL JobStep%'' OR SUSER_SNAME() IN (N''lungdb_loader'', N''lungdb_jobs'')
        THEN N''lungdb_scripts'' ELSE N''default'' END;
END;');
GO
IF NOT EXISTS (SELECT 1 FROM sys.resource_governor_configuration WHERE classifier_function_id <> 0)
    EXECUTE (N'ALTER RESOURCE GOVERNOR WITH (CLASSIFIER_FUNCTION = dbo.classify_lungdb);');
ALTER RESOURCE GOVERNOR RECONFIGURE;
GO
SET NOEXEC OFF;
GO
