-- PurgeLog: deletes what the log of runs and the audit of the page hold of times before so many days.
-- Example: EXECUTE dbo.PurgeLog @KeepDays = 400;
CREATE OR ALTER PROCEDURE dbo.PurgeLog
    @KeepDays INT = NULL,         -- days to keep, 1 to 36500; needed
    @KeepAuditDays INT = NULL,    -- days to keep of dbo.audit, 1 to 36500; NULL means @KeepDays
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.PurgeLog deletes runs that ended more than @KeepDays days ago, with their steps, runs that ended without a word and
were last heard of before that, and rows of dbo.audit that are older than @KeepAuditDays. What runs stays. It deletes 1,000 rows in a
transaction, so that others go on. The call itself is a run, which says what was deleted; so does the row that it returns.
Ask first how long the audit must be kept where you are.
Parameters:
    @KeepDays INT = NULL       days to keep, 1 to 36500; needed
    @KeepAuditDays INT = NULL  days to keep of dbo.audit, 1 to 36500; NULL means @KeepDays
    @Help BIT = 0              1 prints this help and does nothing else
Example:
    EXECUTE dbo.PurgeLog @KeepDays = 400, @KeepAuditDays = 3650;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @Runs INT = 0, @Steps INT = 0, @Audit INT = 0, @Some INT = 1, @RunId INT,
        @Cutoff DATETIME2(3), @AuditCutoff DATETIME2(3), @Arguments NVARCHAR(4000);
    IF @@TRANCOUNT > 0
        THROW 50100, N'PurgeLog commits after each lot and cannot run inside a transaction. Commit or roll back first.', 1;
    IF @KeepDays IS NULL OR @KeepDays NOT BETWEEN 1 AND 36500
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@KeepDays AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @KeepDays is not supported. Supported values are 1 to 36500. ');
    IF @KeepAuditDays NOT BETWEEN 1 AND 36500
        SET @Message = CONCAT(@Message, N'The value ', @KeepAuditDays,
            N' for the parameter @KeepAuditDays is not supported. Supported values are 1 to 36500. ');
    IF @Message <> N''
        THROW 50101, @Message, 1;
    SELECT @Cutoff = DATEADD(DAY, -@KeepDays, SYSUTCDATETIME()),
        @AuditCutoff = DATEADD(DAY, -COALESCE(@KeepAuditDays, @KeepDays), SYSUTCDATETIME()),
        @Arguments = JSON_MODIFY(JSON_MODIFY(N'{}', N'$.keep_days', @KeepDays), N'$.keep_audit_days', @KeepAuditDays);
    EXECUTE internal.StartRun N'PurgeLog', @RunId OUTPUT, @Arguments;

    -- The steps of a run go first, because a run may have more than one lot of them.
    CREATE TABLE #old (run_id INT NOT NULL PRIMARY KEY);
    INSERT INTO #old (run_id)
    SELECT run_id
    FROM dbo.run_log
    WHERE ended_at < @Cutoff OR (state = 'ended without a word' AND heard_at < @Cutoff);
    WHILE @Some > 0
    BEGIN
        DELETE TOP (1000) FROM dbo.run_steps WHERE run_id IN (SELECT run_id FROM #old);
        SELECT @Some = @@ROWCOUNT, @Steps = @Steps + @@ROWCOUNT;
    END;
    SET @Some = 1;
    WHILE @Some > 0
    BEGIN
        DELETE TOP (1000) FROM dbo.runs WHERE run_id IN (SELECT run_id FROM #old);
        SELECT @Some = @@ROWCOUNT, @Runs = @Runs + @@ROWCOUNT;
    END;
    SET @Some = 1;
    WHILE @Some > 0
    BEGIN
        DELETE TOP (1000) FROM dbo.audit WHERE at < @AuditCutoff;
        SELECT @Some = @@ROWCOUNT, @Audit = @Audit + @@ROWCOUNT;
    END;

    SET @Message = CONCAT(N'Deleted ', @Runs, N' runs with ', @Steps, N' steps of before ', CONVERT(NVARCHAR(19), @Cutoff, 120), N' and ',
        @Audit, N' rows of the audit of before ', CONVERT(NVARCHAR(19), @AuditCutoff, 120), N', UTC.');
    EXECUTE internal.ReportStep @RunId, @Message;
    EXECUTE internal.EndRun @RunId;
    SELECT @Runs AS runs, @Steps AS steps, @Audit AS audit;
END;
