-- The jobs of a site for SQL Server Agent: makes them, or with @Action = N'remove' takes them away. Change the values under "Values", then
-- run it as a member of sysadmin, in any database of the instance. Twice changes nothing. docs/jobs.md explains it. Untried: it was written
-- from Microsoft's pages and read by Microsoft's parser; no server was at hand.
SET NOEXEC OFF;
SET NOCOUNT ON;
GO
-- 4 is Express, 5 Azure SQL Database, 6 and 11 Azure Synapse, 9 Azure SQL Edge.
IF COALESCE(CAST(SERVERPROPERTY('EngineEdition') AS INT), 0) NOT IN (1, 2, 3, 8)
BEGIN
    RAISERROR(N'This edition has no SQL Server Agent. Nothing was done. Let cron or systemd run: lungdb job; see docs/jobs.md.', 16, 1);
    SET NOEXEC ON;
END;
GO
SET XACT_ABORT ON;
-- Values.
DECLARE @Action NVARCHAR(10) = N'create';                    -- create or remove
DECLARE @Database NVARCHAR(128) = N'lung_cancer_database';   -- where lungdb is installed
DECLARE @Owner NVARCHAR(128) = N'lungdb_jobs';               -- a login that is no sysadmin; its user has the role lungdb_administrator
DECLARE @Operator NVARCHAR(128) = NULL;                      -- operator of Agent who gets an e-mail when a job fails; NULL for none
DECLARE @KeepDays INT = 365;                                 -- the log of runs keeps so many days
DECLARE @KeepAuditDays INT = 3650;                           -- the audit of the page keeps so many days; ask what you must keep
DECLARE @DriftDays INT = 90;                                 -- patients first scored in so many days are compared
DECLARE @Prefix NVARCHAR(40) = N'lungdb ';                   -- the jobs' names begin with it and go on with the database's name
-- Times are HHMMSS of the server's clock; days are a sum of 1 Sunday, 2 Monday, 4 Tuesday, 8, 16, 32, 64 Saturday; 127 is every day.
DECLARE @FeaturesTime INT = 10000, @FeaturesDays INT = 127;  -- features, then scores, of what is new
DECLARE @DriftTime INT = 60000, @DriftOn INT = 2;            -- drift of what is served
DECLARE @PurgeTime INT = 3000, @PurgeOn INT = 1;             -- old rows of the log
DECLARE @CheckTime INT = 120000, @CheckOn INT = 1;           -- hashes

DECLARE @Message NVARCHAR(2000) = N'', @Place INT = 1, @Name NVARCHAR(128), @Description NVARCHAR(512), @Command NVARCHAR(MAX),
    @Second NVARCHAR(MAX), @Time INT, @Days INT, @JobId UNIQUEIDENTIFIER, @Made INT = 0, @Kept INT = 0, @Removed INT = 0,
    @Guard NVARCHAR(MAX), @Composed NVARCHAR(MAX), @Differing NVARCHAR(2000), @Step INT, @StepName NVARCHAR(128),
    @StepDatabase NVARCHAR(128), @OnSuccess INT, @OnFail INT, @OnFailStep INT, @Level INT;
-- Names of msdb stand in variables and texts: as names they would be looked up before the edition is asked, which Azure refuses.
DECLARE @AddJob NVARCHAR(128) = N'msdb.dbo.sp_add_job', @AddStep NVARCHAR(128) = N'msdb.dbo.sp_add_jobstep',
    @AddSchedule NVARCHAR(128) = N'msdb.dbo.sp_add_jobschedule', @AddServer NVARCHAR(128) = N'msdb.dbo.sp_add_jobserver',
    @DeleteJob NVARCHAR(128) = N'msdb.dbo.sp_delete_job';
DROP TABLE IF EXISTS #lungdb_jobs;
DROP TABLE IF EXISTS #lungdb_steps;
CREATE TABLE #lungdb_jobs (
    place INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    description NVARCHAR(512) COLLATE DATABASE_DEFAULT NOT NULL, command NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL,
    second NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, at_time INT NOT NULL, on_days INT NOT NULL);
CREATE TABLE #lungdb_steps (step_id INT NOT NULL PRIMARY KEY, step_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    command NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, database_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    on_success INT NOT NULL, on_fail INT NOT NULL, on_fail_step INT NOT NULL);

-- All that is wrong, in one error.
IF @Action NOT IN (N'create', N'remove') OR @Action IS NULL
    SET @Message = CONCAT(@Message, N'@Action is create or remove. ');
IF DB_ID(@Database) IS NULL
    SET @Message = CONCAT(@Message, N'There is no database named ''', @Database, N'''. Name as @Database the one with lungdb. ');
IF @Prefix IS NULL OR @Prefix = N'' OR @Prefix LIKE N'%[%]%' OR @Database LIKE N'%[%]%'
    SET @Message = CONCAT(@Message, N'A job''s name holds no percent sign and begins with @Prefix, which is not empty. ');
IF IS_SRVROLEMEMBER(N'sysadmin') <> 1
    SET @Message = CONCAT(@Message, N'Only a member of sysadmin can make jobs that another login owns. Run the script as one. ');
IF @Action = N'create' AND SUSER_ID(@Owner) IS NULL
    SET @Message = CONCAT(@Message, N'There is no login named ''', @Owner, N'''. Make one: CREATE LOGIN [', @Owner,
        N'] …; in the database CREATE USER for it and ALTER ROLE lungdb_administrator ADD MEMBER. ');
IF @Action = N'create' AND IS_SRVROLEMEMBER(N'sysadmin', @Owner) = 1
    SET @Message = CONCAT(@Message, N'The login ''', @Owner, N''' is a member of sysadmin, so that its jobs could do anything. ',
        N'Name as @Owner one that has a role of lungdb only. ');
IF @Action = N'create' AND SUSER_ID(@Owner) IS NOT NULL AND DB_ID(@Database) IS NOT NULL
BEGIN
    SET @Composed = CONCAT(N'SET @Level = (SELECT COUNT(*) FROM ', QUOTENAME(@Database),
        N'.sys.database_principals WHERE sid = SUSER_SID(@Owner));');
    -- A secondary replica that nobody may read cannot be asked; the primary was.
    BEGIN TRY
        EXECUTE sp_executesql @Composed, N'@Owner NVARCHAR(128), @Level INT OUTPUT', @Owner = @Owner, @Level = @Level OUTPUT;
    END TRY
    BEGIN CATCH
        SET @Level = NULL;
    END CATCH;
    IF @Level = 0
        SET @Message = CONCAT(@Message, N'The login ''', @Owner, N''' has no user in the database. There: CREATE USER [', @Owner,
            N'] FOR LOGIN [', @Owner, N']; ALTER ROLE lungdb_administrator ADD MEMBER [', @Owner, N']; ');
END;
IF EXISTS (SELECT 1 FROM (VALUES (@KeepDays), (@KeepAuditDays), (@DriftDays)) AS t (days)
        WHERE t.days IS NULL OR t.days NOT BETWEEN 1 AND 36500)
    SET @Message = CONCAT(@Message, N'@KeepDays, @KeepAuditDays and @DriftDays are 1 to 36500. ');
IF EXISTS (SELECT 1 FROM (VALUES (@FeaturesTime), (@DriftTime), (@PurgeTime), (@CheckTime)) AS t (at_time)
        WHERE t.at_time IS NULL OR t.at_time NOT BETWEEN 0 AND 235959 OR t.at_time / 100 % 100 > 59 OR t.at_time % 100 > 59)
    SET @Message = CONCAT(@Message, N'Times are HHMMSS, such as 10000 for one o''clock at night. ');
IF EXISTS (SELECT 1 FROM (VALUES (@FeaturesDays), (@DriftOn), (@PurgeOn), (@CheckOn)) AS t (on_days)
        WHERE t.on_days IS NULL OR t.on_days NOT BETWEEN 1 AND 127)
    SET @Message = CONCAT(@Message, N'Days are a sum of 1 to 64, at least one, 127 at most. ');
IF @Action = N'create' AND @Operator IS NOT NULL
BEGIN
    SET @Level = 0;
    EXECUTE sp_executesql N'SET @Level = (SELECT COUNT(*) FROM msdb.dbo.sysoperators WHERE name = @Operator);',
        N'@Operator NVARCHAR(128), @Level INT OUTPUT', @Operator = @Operator, @Level = @Level OUTPUT;
    IF @Level = 0
        SET @Message = CONCAT(@Message, N'Agent has no operator named ''', @Operator, N'''. Make one, or say NULL. ');
END;
IF @Message <> N''
BEGIN
    SET @Message = REPLACE(CONCAT(N'Nothing was done. ', @Message), N'%', N'%%');
    THROW 50473, @Message, 1;
END;

INSERT INTO #lungdb_jobs (place, name, description, command, second, at_time, on_days)
VALUES
    (1, CONCAT(@Prefix, @Database, N' features and scores'), N'Features and scores of what is new, for the models that are served.',
        N'EXECUTE dbo.GenerateNewFeatures;',
        N'IF OBJECT_ID(N''dbo.ScoreNewScans'') IS NOT NULL
    EXECUTE dbo.ScoreNewScans;
ELSE
    EXECUTE dbo.ScoreNewScansSql;', @FeaturesTime, @FeaturesDays),
    (2, CONCAT(@Prefix, @Database, N' drift'), N'Drift of the models that are served; an alarm fails the job.',
        CONCAT(N'EXECUTE dbo.CheckServedDrift @Days = ', @DriftDays, N';'), NULL, @DriftTime, @DriftOn),
    (3, CONCAT(@Prefix, @Database, N' purge'), N'Old rows of the log of runs and of the audit.',
        CONCAT(N'EXECUTE dbo.PurgeLog @KeepDays = ', @KeepDays, N', @KeepAuditDays = ', @KeepAuditDays, N';'), NULL, @PurgeTime, @PurgeOn),
    (4, CONCAT(@Prefix, @Database, N' hashes'), N'What is stored against its SHA-256.',
        N'EXECUTE dbo.CheckHashes;', NULL, @CheckTime, @CheckOn);
-- Run in master, because a secondary that nobody may read cannot even be opened. It fails only where this is surely no primary, and then
-- the job ends well; what it cannot see it leaves to the steps after it, which fail loudly.
SET @Guard = CONCAT(N'DECLARE @Database NVARCHAR(128) = N''', REPLACE(@Database, N'''', N''''''), N''', @IsPrimary BIT = NULL;
BEGIN TRY
    IF EXISTS (SELECT 1 FROM sys.databases WHERE name = @Database AND replica_id IS NOT NULL)
        EXECUTE sp_executesql N''SET @IsPrimary = sys.fn_hadr_is_primary_replica(@Database);'',
            N''@Database NVARCHAR(128), @IsPrimary BIT OUTPUT'', @Database = @Database, @IsPrimary = @IsPrimary OUTPUT;
END TRY
BEGIN CATCH
    PRINT N''Whether this replica is the primary cannot be seen; the owner of the job needs VIEW SERVER STATE.'';
END CATCH;
IF @IsPrimary = 0
    THROW ', 50474, N', N''This replica is not the primary: nothing to do.'', 1;');

WHILE @Place <= 4
BEGIN
    SELECT @Name = name, @Description = description, @Command = command, @Second = second, @Time = at_time, @Days = on_days
    FROM #lungdb_jobs
    WHERE place = @Place;
    SET @Place = @Place + 1;
    SET @JobId = NULL;
    SET @Composed = N'SET @JobId = (SELECT job_id FROM msdb.dbo.sysjobs WHERE name = @Name);';
    EXECUTE sp_executesql @Composed, N'@Name NVARCHAR(128), @JobId UNIQUEIDENTIFIER OUTPUT', @Name = @Name, @JobId = @JobId OUTPUT;
    IF @Action = N'remove'
    BEGIN
        IF @JobId IS NOT NULL
        BEGIN
            EXECUTE @DeleteJob @job_id = @JobId, @delete_unused_schedule = 1;
            SET @Removed = @Removed + 1;
        END;
        CONTINUE;
    END;

    -- 3 goes on with the next step, 4 with on_fail_step, 1 ends well, 2 fails the job. Scores are made even where some features failed, and
    -- the job fails then all the same.
    DELETE FROM #lungdb_steps;
    INSERT INTO #lungdb_steps (step_id, step_name, command, database_name, on_success, on_fail, on_fail_step)
    VALUES
        (1, N'is this the primary', @Guard, N'master', 3, 1, 0),
        (2, N'work', @Command, @Database, IIF(@Second IS NULL, 1, 3), IIF(@Second IS NULL, 2, 4), IIF(@Second IS NULL, 0, 4));
    IF @Second IS NOT NULL
        INSERT INTO #lungdb_steps (step_id, step_name, command, database_name, on_success, on_fail, on_fail_step)
        VALUES (3, N'scores', @Second, @Database, 1, 2, 0), (4, N'scores after a failure', @Second, @Database, 2, 2, 0);

    IF @JobId IS NOT NULL
    BEGIN
        SET @Differing = NULL;
        EXECUTE sp_executesql N'
SET @Differing = (
    SELECT STRING_AGG(d.what, N'', '')
    FROM (
        SELECT N''owner'' AS what FROM msdb.dbo.sysjobs WHERE job_id = @JobId AND owner_sid <> SUSER_SID(@Owner)
        UNION ALL
        SELECT N''operator'' FROM msdb.dbo.sysjobs AS j
        LEFT JOIN msdb.dbo.sysoperators AS o ON o.id = j.notify_email_operator_id
        WHERE j.job_id = @JobId AND (COALESCE(o.name, N'''') <> COALESCE(@Operator, N'''')
            OR j.notify_level_email <> IIF(@Operator IS NULL, 0, 2))
        UNION ALL
        SELECT CONCAT(N''step '', COALESCE(w.step_id, s.step_id))
        FROM #lungdb_steps AS w
        FULL JOIN (SELECT * FROM msdb.dbo.sysjobsteps WHERE job_id = @JobId) AS s ON s.step_id = w.step_id
        WHERE w.step_id IS NULL OR s.step_id IS NULL OR s.subsystem <> N''TSQL'' OR s.on_success_action <> w.on_success
            OR s.on_fail_action <> w.on_fail OR s.on_fail_step_id <> w.on_fail_step
            OR COALESCE(s.database_name, N'''') <> w.database_name COLLATE DATABASE_DEFAULT
            OR COALESCE(s.command, N'''') <> w.command COLLATE DATABASE_DEFAULT
        UNION ALL
        SELECT N''schedule'' WHERE 1 <> (SELECT COUNT(*) FROM msdb.dbo.sysjobschedules WHERE job_id = @JobId)
            OR NOT EXISTS (
                SELECT 1 FROM msdb.dbo.sysjobschedules AS b
                INNER JOIN msdb.dbo.sysschedules AS c ON c.schedule_id = b.schedule_id
                WHERE b.job_id = @JobId AND c.freq_type = 8 AND c.freq_interval = @Days AND c.freq_recurrence_factor = 1
                    AND c.active_start_time = @Time)) AS d);',
            N'@JobId UNIQUEIDENTIFIER, @Owner NVARCHAR(128), @Operator NVARCHAR(128), @Days INT, @Time INT,
                @Differing NVARCHAR(2000) OUTPUT',
            @JobId = @JobId, @Owner = @Owner, @Operator = @Operator, @Days = @Days, @Time = @Time, @Differing = @Differing OUTPUT;
        IF @Differing IS NULL
            SET @Kept = @Kept + 1;
        ELSE
            SET @Message = CONCAT(@Message, N' The job ''', @Name, N''' is there with another ', @Differing, N'.');
        CONTINUE;
    END;

    -- All of a job or nothing.
    BEGIN TRY
        BEGIN TRANSACTION;
        SET @Level = IIF(@Operator IS NULL, 0, 2);
        EXECUTE @AddJob @job_name = @Name, @enabled = 1, @description = @Description, @owner_login_name = @Owner,
            @notify_level_eventlog = 2, @notify_level_email = @Level, @notify_email_operator_name = @Operator, @job_id = @JobId OUTPUT;
        SET @Step = 1;
        WHILE @Step <= (SELECT COUNT(*) FROM #lungdb_steps)
        BEGIN
            SELECT @StepName = step_name, @Composed = command, @StepDatabase = database_name, @OnSuccess = on_success, @OnFail = on_fail,
                @OnFailStep = on_fail_step
            FROM #lungdb_steps
            WHERE step_id = @Step;
            EXECUTE @AddStep @job_id = @JobId, @step_id = @Step, @step_name = @StepName, @subsystem = N'TSQL', @command = @Composed,
                @database_name = @StepDatabase, @on_success_action = @OnSuccess, @on_fail_action = @OnFail, @on_fail_step_id = @OnFailStep;
            SET @Step = @Step + 1;
        END;
        EXECUTE @AddSchedule @job_id = @JobId, @name = @Name, @enabled = 1, @freq_type = 8, @freq_interval = @Days,
            @freq_subday_type = 1, @freq_recurrence_factor = 1, @active_start_time = @Time;
        EXECUTE @AddServer @job_id = @JobId, @server_name = N'(LOCAL)';
        COMMIT TRANSACTION;
        SET @Made = @Made + 1;
    END TRY
    BEGIN CATCH
        IF XACT_STATE() <> 0
            ROLLBACK TRANSACTION;
        THROW;
    END CATCH;
END;
IF @Message <> N''
BEGIN
    SET @Message = REPLACE(CONCAT(@Made, N' jobs were made and ', @Kept, N' are as asked for.', @Message,
        N' These were left alone. Run the script with @Action = N''remove'' and again with create, or with another @Prefix.'), N'%', N'%%');
    THROW 50475, @Message, 1;
END;
IF @Action = N'remove'
    RAISERROR(N'%d jobs were removed.', 0, 1, @Removed) WITH NOWAIT;
ELSE
    RAISERROR(N'%d jobs were made, %d are there as asked for.', 0, 1, @Made, @Kept) WITH NOWAIT;
IF @Action = N'create' AND EXISTS (SELECT 1 FROM sys.databases WHERE name = @Database AND replica_id IS NOT NULL)
    RAISERROR(N'The database is in an availability group: run this on each replica; the owner needs VIEW SERVER STATE.', 0, 1) WITH NOWAIT;
DROP TABLE #lungdb_jobs;
DROP TABLE #lungdb_steps;
GO
SET NOEXEC OFF;
GO
