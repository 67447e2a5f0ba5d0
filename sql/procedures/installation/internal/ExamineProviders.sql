-- ExamineProviders: what computes networks: ONNX Runtime's providers against the setting, and a GPU if one is seen.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineProviders
    @HasPython BIT  -- 1 where the procedures that run Python are installed
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Providers NVARCHAR(400), @There NVARCHAR(1000), @Runs NVARCHAR(1000), @Gpu NVARCHAR(1000),
        @Lacking NVARCHAR(800), @Language NVARCHAR(128);
    SELECT @There = MAX(CASE f.name WHEN N'execution providers' THEN f.value END),
        @Runs = MAX(CASE f.name WHEN N'networks run on' THEN f.value END), @Gpu = MAX(CASE f.name WHEN N'GPU' THEN f.value END)
    FROM dbo.runtime_facts AS f;
    IF @HasPython = 0 OR @There IS NULL
    BEGIN
        INSERT INTO #findings (check_name, state, found)
        SELECT n.name, 'not applicable',
            CASE WHEN @HasPython = 0 THEN N'The procedures that run Python are not installed (install_sql_only.sql).'
                ELSE N'Not known before EXECUTE dbo.CheckRuntime has an answer with ONNX Runtime in it.' END
        FROM (VALUES (N'providers'), (N'GPU')) AS n (name);
        RETURN 0;
    END;

    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT;
    -- CUDA:1 and CUDAExecutionProvider are CUDA; ONNX Runtime writes DirectML as Dml.
    SET @Lacking = (
        SELECT STRING_AGG(CAST(w.name AS NVARCHAR(MAX)), N', ')
        FROM (
            SELECT REPLACE(REPLACE(LOWER(LEFT(p.value, CHARINDEX(N':', p.value + N':') - 1)), N'executionprovider', N''),
                N'directml', N'dml') AS name
            FROM STRING_SPLIT(REPLACE(@Providers, N' ', N''), N',') AS p
        ) AS w
        WHERE w.name <> N''
            AND LOWER(CONCAT(N', ', @There, N',')) NOT LIKE LOWER(CONCAT(N'%, ', w.name, N'ExecutionProvider,%')));
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'providers', CASE WHEN @Runs LIKE N'not known%' THEN 'fault' WHEN @Lacking IS NOT NULL THEN 'warning' ELSE 'ok' END,
        CONCAT(N'There are ', @There, N'; networks run on ', @Runs,
            CASE WHEN @Lacking IS NOT NULL THEN CONCAT(N'. The setting providers names what is not there: ', @Lacking) ELSE N'' END, N'.'),
        CASE WHEN @Runs LIKE N'not known%' THEN N'python -m pip install -c constraints-sqlserver.txt ".[cpu]" # with the server''s Python'
            WHEN @Lacking IS NOT NULL THEN N'UPDATE dbo.settings SET value = NULL WHERE name = N''providers'';' END;
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'GPU', CASE WHEN @Gpu = N'none seen' THEN 'not applicable' WHEN @Runs LIKE N'CPU%' THEN 'warning' ELSE 'ok' END,
        CASE WHEN @Gpu = N'none seen' THEN N'A script sees none.'
            WHEN @Runs LIKE N'CPU%' THEN CONCAT(N'A script sees ', @Gpu, N', but networks run on the CPU.')
            ELSE CONCAT(@Gpu, N'; networks run on ', @Runs, N'.') END,
        CASE WHEN @Gpu <> N'none seen' AND @Runs LIKE N'CPU%'
            THEN N'python -m pip uninstall -y onnxruntime && python -m pip install ".[gpu]" # with the server''s Python' END;
END;
