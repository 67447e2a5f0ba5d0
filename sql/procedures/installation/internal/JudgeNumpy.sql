-- JudgeNumpy: says whether numpy is one that the runtime, which is compiled against numpy's C interface, works with.
-- Called by ExamineFacts, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.JudgeNumpy
    @Numpy NVARCHAR(1000),    -- its version, or why it cannot be used
    @BuiltFor NVARCHAR(1000)  -- the version that the runtime was built with, such as 1.22; NULL where it was not built with any
AS
BEGIN
    SET NOCOUNT ON;

    -- What is compiled with one numpy runs with later ones of the same major version.
    DECLARE @Least NVARCHAR(1000) = COALESCE(@BuiltFor, N'1.22'), @Major INT, @Minor INT, @LeastMajor INT, @LeastMinor INT, @Fits BIT = 0;
    DECLARE @Rest NVARCHAR(1000) = SUBSTRING(@Numpy, CHARINDEX(N'.', @Numpy + N'.') + 1, 1000),
        @LeastRest NVARCHAR(1000) = SUBSTRING(@Least, CHARINDEX(N'.', @Least + N'.') + 1, 1000);
    SET @Major = TRY_CAST(LEFT(@Numpy, CHARINDEX(N'.', @Numpy + N'.') - 1) AS INT);
    SET @Minor = TRY_CAST(LEFT(@Rest, PATINDEX(N'%[^0-9]%', @Rest + N' ') - 1) AS INT);
    SET @LeastMajor = TRY_CAST(LEFT(@Least, CHARINDEX(N'.', @Least + N'.') - 1) AS INT);
    SET @LeastMinor = TRY_CAST(LEFT(@LeastRest, PATINDEX(N'%[^0-9]%', @LeastRest + N' ') - 1) AS INT);
    IF @Numpy NOT LIKE N'%cannot be used%' AND (@Major = @LeastMajor AND @Minor >= @LeastMinor
        OR @BuiltFor IS NULL AND @Major > @LeastMajor)
        SET @Fits = 1;

    INSERT INTO #findings (check_name, state, found, mend)
    VALUES (N'numpy', CASE WHEN @Fits = 1 THEN 'ok' ELSE 'fault' END,
        CONCAT(N'numpy ', COALESCE(@Numpy, N'is not known'),
            CASE WHEN @Fits = 1 AND @BuiltFor IS NULL THEN N'.'
                WHEN @Fits = 1 THEN CONCAT(N'; the runtime was built with ', @BuiltFor, N'.')
                ELSE CONCAT(N'; the runtime needs ', @Least, N' or a later ', @LeastMajor, N'.x. With another it crashes at its first ',
                    N'script (error 39012). Use the server''s own Python, then EXECUTE dbo.CheckRuntime.') END),
        CASE WHEN @Fits = 0 THEN CONCAT(N'python -m pip install "numpy==', @Least, N'.*"') END);
END;
