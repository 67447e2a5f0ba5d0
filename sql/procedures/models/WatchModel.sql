-- WatchModel: the scores that a version has given of late, by day or week, and who has looked at figures of its test patients.
-- Example: EXECUTE dbo.WatchModel @ModelName = N'lightgbm_sql', @Period = N'week';
CREATE OR ALTER PROCEDURE dbo.WatchModel
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Version INT = NULL,                        -- version of the model; NULL means the one served, see dbo.model_status
    @Period NVARCHAR(10) = N'day',              -- day, or week from Monday on, in UTC
    @Days INT = 90,                             -- scores of so many days until now, 1 to 366; of the first week all its days
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.WatchModel returns two results. The first has a row for each day or week with scores of the version: how many, of how
many scans, how many of scans unlike those it was trained on, and mean, least, quartiles, median and largest; between two scores quartiles
and median are interpolated. A score is a probability, of a regression the number that it predicts. The second has the newest 50 looks at
figures of its test patients, which dbo.test_looks keeps. No patient is named.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Version INT = NULL                         version of the model; NULL means the one served, see dbo.model_status
    @Period NVARCHAR(10) = N''day''               day, or week from Monday on, in UTC
    @Days INT = 90                              scores of so many days until now, 1 to 366; of the first week all its days
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.WatchModel @ModelName = N''lightgbm_sql'', @Period = N''week'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT, @Since DATE, @Step INT = 1;
    IF @Period IS NULL OR @Period NOT IN (N'day', N'week')
        SET @Message = CONCAT(N'The value ', COALESCE(N'''' + @Period + N'''', N'NULL'),
            N' for the parameter @Period is not supported. Supported values are day and week. ');
    IF @Days IS NULL OR @Days NOT BETWEEN 1 AND 366
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@Days AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Days is not supported. Supported values are 1 to 366.');
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    SET @Since = DATEADD(DAY, 1 - @Days, CAST(SYSUTCDATETIME() AS DATE));
    -- The first of January 1900 was a Monday.
    IF @Period = N'week'
        SELECT @Since = DATEADD(DAY, -(DATEDIFF(DAY, '19000101', @Since) % 7), @Since), @Step = 7;
    CREATE TABLE #scores (
        period_start DATE NOT NULL, place INT NOT NULL, scan_id INT NOT NULL, value FLOAT NOT NULL, is_outside INT NOT NULL,
        PRIMARY KEY (period_start, place));
    INSERT INTO #scores (period_start, place, scan_id, value, is_outside)
    SELECT q.period_start, ROW_NUMBER() OVER (PARTITION BY q.period_start ORDER BY q.value) - 1, q.scan_id, q.value, q.is_outside
    FROM (
        SELECT DATEADD(DAY, DATEDIFF(DAY, @Since, p.predicted_at) / @Step * @Step, @Since) AS period_start, p.scan_id,
            COALESCE(p.probability, p.predicted) AS value, IIF(p.scope = 'outside', 1, 0) AS is_outside
        FROM dbo.predictions AS p
        WHERE p.classifier_id = @ClassifierId AND p.predicted_at >= @Since
    ) AS q
    OPTION (RECOMPILE);

    -- A quantile q of n scores in order lies at place q (n - 1), counted from 0: between the score at its whole part and the next one.
    SELECT s.period_start, s.scores, s.scans, s.outside, s.mean, s.least,
        a.value + CAST((s.scores - 1) % 4 AS FLOAT) / 4 * (COALESCE(a1.value, a.value) - a.value) AS lower_quartile,
        b.value + CAST((s.scores - 1) % 2 AS FLOAT) / 2 * (COALESCE(b1.value, b.value) - b.value) AS median,
        c.value + CAST(3 * (s.scores - 1) % 4 AS FLOAT) / 4 * (COALESCE(c1.value, c.value) - c.value) AS upper_quartile,
        s.largest
    FROM (
        SELECT period_start, COUNT(*) AS scores, COUNT(DISTINCT scan_id) AS scans, SUM(is_outside) AS outside, AVG(value) AS mean,
            MIN(value) AS least, MAX(value) AS largest
        FROM #scores
        GROUP BY period_start
    ) AS s
    INNER JOIN #scores AS a ON a.period_start = s.period_start AND a.place = (s.scores - 1) / 4
    LEFT JOIN #scores AS a1 ON a1.period_start = s.period_start AND a1.place = (s.scores - 1) / 4 + 1
    INNER JOIN #scores AS b ON b.period_start = s.period_start AND b.place = (s.scores - 1) / 2
    LEFT JOIN #scores AS b1 ON b1.period_start = s.period_start AND b1.place = (s.scores - 1) / 2 + 1
    INNER JOIN #scores AS c ON c.period_start = s.period_start AND c.place = 3 * (s.scores - 1) / 4
    LEFT JOIN #scores AS c1 ON c1.period_start = s.period_start AND c1.place = 3 * (s.scores - 1) / 4 + 1
    ORDER BY s.period_start;

    SELECT TOP (50) t.looked_at, t.looked_with, t.looked_by
    FROM dbo.test_looks AS t
    WHERE t.classifier_id = @ClassifierId
    ORDER BY t.look_id DESC;
END;
