-- JudgeMemory: says whether the pool of external scripts holds what so many sessions need at once.
-- Called by ExamineMemory, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.JudgeMemory
    @Megabytes BIGINT,    -- of the machine
    @Percent INT,         -- MAX_MEMORY_PERCENT of the external pool, which all sessions share; NULL means 20, the default
    @ChunkMegabytes INT,  -- megabytes of slices that a session hands to Python at once
    @Sessions INT,        -- sessions at the same time
    @Network INT,         -- megabytes of the largest network
    @HasGovernor BIT      -- 1 where the edition has Resource Governor
AS
BEGIN
    SET NOCOUNT ON;

    -- Through Microsoft's extension, which holds the slices' hexadecimal text twice, the demo network took 416 MB with a chunk of 62 MB
    -- and 1,150 MB with one of 249: a line of 173 MB and 3.93 MB a megabyte. A ResNet-50 of 98 MB adds 730 MB: 7.5 MB a megabyte.
    DECLARE @Each INT = CEILING(173 + 3.93 * @ChunkMegabytes + 7.5 * @Network), @Pool BIGINT, @Needed INT, @Chunk INT;
    SET @Pool = @Megabytes * COALESCE(@Percent, 20) / 100;
    SET @Needed = CEILING(100.0 * @Each * @Sessions / @Megabytes);
    SET @Chunk = FLOOR((1.0 * @Pool / @Sessions - 173 - 7.5 * @Network) / 3.93);

    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'memory of scripts',
        CASE WHEN @Pool IS NULL THEN 'warning' WHEN @Each * CAST(@Sessions AS BIGINT) > @Pool THEN 'fault' ELSE 'ok' END,
        CASE WHEN @Pool IS NULL THEN N'The memory of the machine is not known.'
            ELSE CONCAT(N'Scripts may take ', COALESCE(@Percent, 20), N' % of ', @Megabytes, N' MB, which is ', @Pool,
                N' MB for all sessions. ', @Sessions, N' with a chunk of ', @ChunkMegabytes, N' MB need about ',
                @Each * CAST(@Sessions AS BIGINT), N' MB.') END,
        CASE WHEN @Pool IS NULL THEN N'SELECT physical_memory_kb FROM sys.dm_os_sys_info;'
            WHEN @Each * CAST(@Sessions AS BIGINT) <= @Pool THEN NULL
            WHEN @Needed <= 75 AND @HasGovernor = 1
                THEN CONCAT(N'ALTER EXTERNAL RESOURCE POOL [default] WITH (MAX_MEMORY_PERCENT = ', @Needed,
                    N'); ALTER RESOURCE GOVERNOR RECONFIGURE;')
            WHEN @Chunk >= 1 THEN CONCAT(N'EXECUTE dbo.GenerateFeatures @ChunkMegabytes = ', @Chunk, N'; -- in each of the sessions')
            ELSE N'EXECUTE dbo.Doctor @Sessions = 1; -- says what one needs: let fewer work at once, or give the machine more memory'
        END;
END;
