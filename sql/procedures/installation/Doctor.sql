-- Doctor: says whether the installation is healthy: a row a check, with what was found and the statement or command that mends it.
-- Example: EXECUTE dbo.Doctor;
CREATE OR ALTER PROCEDURE dbo.Doctor
    @ChunkMegabytes INT = 64, -- megabytes of slices that a session hands to Python at once, 1 to 512
    @Sessions INT = 1,        -- sessions that are to run Python at the same time, 1 to 256
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    -- A check that the caller may not make is caught, and must not doom the caller's transaction.
    SET XACT_ABORT OFF;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.Doctor says whether the installation is healthy: server, Python, memory, disk, schema, signatures, work, backups.
It returns a row a check: check_name; state, which is fault, warning, not visible, ok or not applicable; found; and mend, the
statement or command that mends it, which for not visible is the GRANT. It changes nothing and runs no script: what it says of
Python is what CheckRuntime has found. `lungdb check` verifies the data, this the installation.
Parameters:
    @ChunkMegabytes INT = 64  megabytes of slices that a session hands to Python at once, 1 to 512
    @Sessions INT = 1         sessions that are to run Python at the same time, 1 to 256
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.Doctor;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @HasPython BIT = 0;
    IF @ChunkMegabytes IS NULL OR @ChunkMegabytes NOT BETWEEN 1 AND 512
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@ChunkMegabytes AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @ChunkMegabytes is not supported. Supported values are 1 to 512. ');
    IF @Sessions IS NULL OR @Sessions NOT BETWEEN 1 AND 256
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@Sessions AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Sessions is not supported. Supported values are 1 to 256. ');
    IF @Message <> N''
        THROW 50101, @Message, 1;

    CREATE TABLE #findings (
        position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY,
        check_name NVARCHAR(60) COLLATE DATABASE_DEFAULT NOT NULL,
        state VARCHAR(14) COLLATE DATABASE_DEFAULT NOT NULL,
        found NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL,
        mend NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL
    );
    IF EXISTS (SELECT 1 FROM dbo.declared_parts WHERE kind = 'script')
        SET @HasPython = 1;

    EXECUTE internal.ExamineServer @HasPython;
    EXECUTE internal.ExamineRuntime @HasPython;
    EXECUTE internal.ExamineFacts @HasPython;
    EXECUTE internal.ExamineProviders @HasPython;
    EXECUTE internal.ExamineMemory @HasPython, @ChunkMegabytes, @Sessions;
    EXECUTE internal.ExamineDisk;
    EXECUTE internal.ExamineSchema;
    EXECUTE internal.ExamineSignatures @HasPython;
    EXECUTE internal.ExamineWork;
    EXECUTE internal.ExamineStatistics;
    EXECUTE internal.ExamineBackups;

    SELECT f.check_name, f.state, f.found, f.mend
    FROM #findings AS f
    ORDER BY CASE f.state WHEN 'fault' THEN 1 WHEN 'warning' THEN 2 WHEN 'not visible' THEN 3 WHEN 'ok' THEN 4 ELSE 5 END, f.position;
END;
