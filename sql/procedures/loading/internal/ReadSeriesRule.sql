-- ReadSeriesRule: reads a series rule such as thickness=0-2.5;kernels=B3*,STANDARD>SOFT;prefer=thinnest, whose parts may be left out.
-- Called by ChooseSeries, whose table #kernels it fills.
CREATE OR ALTER PROCEDURE internal.ReadSeriesRule
    @SeriesRule NVARCHAR(MAX) OUTPUT, -- the rule, or NULL for the setting series_rule, which comes back
    @Low FLOAT OUTPUT,                -- least slice thickness in millimetres, NULL where the rule names none
    @High FLOAT OUTPUT,               -- greatest
    @PrefersSlices BIT OUTPUT         -- 1 when the most slices count before the thinnest
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Fault NVARCHAR(200), @Thickness NVARCHAR(400), @Kernels NVARCHAR(400), @Prefer NVARCHAR(400),
        @Dash INT;
    CREATE TABLE #parts (name NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL, value NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #ends (number NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL);
    IF @SeriesRule IS NULL
        SET @SeriesRule = COALESCE((SELECT value FROM dbo.settings WHERE name = N'series_rule'), N'');
    IF LEN(@SeriesRule) > 400
        SET @Fault = N'it is longer than 400 characters';
    ELSE
        INSERT INTO #parts (name, value)
        SELECT LOWER(LTRIM(RTRIM(LEFT(value, CHARINDEX(N'=', value + N'=') - 1)))),
            LTRIM(RTRIM(SUBSTRING(value, CHARINDEX(N'=', value + N'=') + 1, 400)))
        FROM STRING_SPLIT(@SeriesRule, N';')
        WHERE LTRIM(RTRIM(value)) <> N'';
    SET @Thickness = (SELECT MIN(value) FROM #parts WHERE name = N'thickness');
    SET @Kernels = (SELECT MIN(value) FROM #parts WHERE name = N'kernels');
    SET @Prefer = LOWER(COALESCE((SELECT MIN(value) FROM #parts WHERE name = N'prefer'), N'thinnest'));
    SET @Dash = CHARINDEX(N'-', @Thickness);
    IF @Dash > 0
        INSERT INTO #ends (number) VALUES (LEFT(@Thickness, @Dash - 1)), (SUBSTRING(@Thickness, @Dash + 1, 400));

    IF EXISTS (SELECT 1 FROM #parts WHERE name NOT IN (N'thickness', N'kernels', N'prefer'))
        SET @Fault = N'one of its parts is unknown';
    ELSE IF EXISTS (SELECT 1 FROM #parts GROUP BY name HAVING COUNT(*) > 1)
        SET @Fault = N'it has a part twice';
    ELSE IF @Prefer NOT IN (N'thinnest', N'slices')
        SET @Fault = N'it prefers neither thinnest nor slices';
    ELSE IF @Thickness IS NOT NULL AND (@Dash = 0 OR EXISTS (
        SELECT 1 FROM #ends
        WHERE number NOT LIKE N'[0-9]%' OR number LIKE N'%[^0-9.]%' OR number LIKE N'%.%.%' OR number LIKE N'%.'
            OR CHARINDEX(N'.', number + N'.') > 5 OR LEN(number) - CHARINDEX(N'.', number + N'.') > 3))
        SET @Fault = N'its thickness is no range of millimetres';
    ELSE IF @Kernels LIKE N'%[^A-Za-z0-9_.+*,> -]%' OR @Kernels = N''
        SET @Fault = N'its kernels are no names of kernels';
    IF @Fault IS NULL AND @Thickness IS NOT NULL
    BEGIN
        SET @Low = CAST(LEFT(@Thickness, @Dash - 1) AS FLOAT);
        SET @High = CAST(SUBSTRING(@Thickness, @Dash + 1, 400) AS FLOAT);
        IF @Low > @High
            SET @Fault = N'its thickness is no range of millimetres';
    END;
    IF @Fault IS NULL AND @Kernels IS NOT NULL
    BEGIN
        INSERT INTO #kernels (level, name)
        SELECT CAST(l.[key] AS INT), LOWER(LTRIM(RTRIM(n.value)))
        FROM OPENJSON(N'[["' + REPLACE(REPLACE(@Kernels, N',', N'","'), N'>', N'"],["') + N'"]]') AS l
        CROSS APPLY OPENJSON(l.value) AS n;
        IF EXISTS (
            SELECT 1 FROM #kernels
            WHERE name IN (N'', N'*') OR CHARINDEX(N' ', name) > 0 OR LEN(REPLACE(name, N'*', N'')) > 64
                OR CHARINDEX(N'*', name) NOT IN (0, LEN(name)))
            SET @Fault = N'its kernels are no names of kernels';
        UPDATE #kernels SET name = REPLACE(REPLACE(name, N'_', N'[_]'), N'*', N'%');
    END;
    IF @Fault IS NOT NULL
    BEGIN
        SET @Message = CONCAT(N'The series rule ''', LEFT(@SeriesRule, 400), N''' cannot be read: ', @Fault,
            N'. Write it like thickness=0-2.5;kernels=B3*,STANDARD>SOFT;prefer=thinnest, whose parts may be left out; ',
            N'prefer is thinnest or slices.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    SET @PrefersSlices = IIF(@Prefer = N'slices', 1, 0);
END;
