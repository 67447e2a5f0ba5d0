-- JudgePython: says whether the Python that answered is new enough, and whether numpy is in its own site-packages.
-- Called by ExamineFacts, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.JudgePython
    @Python NVARCHAR(1000),      -- such as 3.10.11 on Windows AMD64
    @Folders NVARCHAR(1000),     -- its own folders of packages, with semicolons, the one to install into first
    @NumpyFolder NVARCHAR(1000)  -- the folder that numpy was imported from
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Major INT = TRY_CAST(LEFT(@Python, CHARINDEX(N'.', @Python + N'.') - 1) AS INT), @Minor INT,
        @Rest NVARCHAR(1000) = SUBSTRING(@Python, CHARINDEX(N'.', @Python + N'.') + 1, 1000), @IsNew BIT = 0, @IsOwn BIT = 0;
    SET @Minor = TRY_CAST(LEFT(@Rest, PATINDEX(N'%[^0-9]%', @Rest + N' ') - 1) AS INT);
    IF @Major > 3 OR @Major = 3 AND @Minor >= 10
        SET @IsNew = 1;
    IF @NumpyFolder IS NULL OR EXISTS (
        SELECT 1 FROM STRING_SPLIT(@Folders, N';') AS s WHERE LEFT(@NumpyFolder, LEN(s.value)) = s.value AND s.value <> N'')
        SET @IsOwn = 1;

    INSERT INTO #findings (check_name, state, found, mend)
    VALUES (N'Python', CASE WHEN @IsNew = 1 THEN 'ok' ELSE 'fault' END,
        CONCAT(COALESCE(@Python, N'Unknown'), CASE WHEN @IsNew = 1 THEN N'.' ELSE N': the procedures need Python 3.10 or later.' END),
        CASE WHEN @IsNew = 0 THEN N'Register a Python 3.10 with the server: docs/install-sql-server.md, step 1.' END);
    INSERT INTO #findings (check_name, state, found, mend)
    VALUES (N'site-packages', CASE WHEN @IsOwn = 1 THEN 'ok' ELSE 'warning' END,
        CONCAT(COALESCE(REPLACE(@Folders, N';', N', '), N'Unknown'), CASE WHEN @IsOwn = 1 THEN N'.'
            ELSE CONCAT(N', but numpy comes from ', @NumpyFolder, N', which an account of the sandbox may not be able to read.') END),
        CASE WHEN @IsOwn = 0
            THEN CONCAT(N'python -m pip install --upgrade --force-reinstall -c constraints-sqlserver.txt --target "',
                LEFT(@Folders, CHARINDEX(N';', @Folders + N';') - 1), N'" numpy pandas # in a checkout of lungdb') END);
END;
