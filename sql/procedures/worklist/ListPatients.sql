-- ListPatients: a page of the worklist: patients with their primary scan, its newest score and what state it is in.
-- Example: DECLARE @Total INT; EXECUTE dbo.ListPatients @Search = N'an', @Sort = N'name', @Total = @Total OUTPUT;
CREATE OR ALTER PROCEDURE dbo.ListPatients
    @Search NVARCHAR(4000) = NULL, -- part of a name or of a patient_id, or an index; NULL or empty finds all
    @State NVARCHAR(20) = NULL,    -- no features, not scored, scored or failed; NULL means any
    @Sort NVARCHAR(20) = N'index', -- index, name, date, slices, probability, scored, the order of scoring, or work: what needs some first
    @Descending BIT = 0,           -- 1 turns the order round
    @Offset INT = 0,               -- patients to pass over, 0 and up
    @Limit INT = 50,               -- patients to return, 1 to 1000
    @Total INT = NULL OUTPUT,      -- how many patients there are on all pages
    @Reader NVARCHAR(128) = NULL,  -- account whose own suspicion is returned, as dbo.reviews has it
    @Unread BIT = 0,               -- 1 leaves out those whose scan @Reader has reviewed
    @Help BIT = 0                  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ListPatients returns a page of the worklist, one row a patient with a scan, and how many there are on all pages.
The score is the newest of the primary scan. A scan is failed when its features could not be made the last time, scored before or not.
readers counts the accounts that have reviewed the scan, suspicion is what @Reader has said of it last, 1 to 5. In the order work come
scans that failed, that are not scored, that are scored, the highest probability first, that have no features, and last what anybody has
reviewed.
Parameters:
    @Search NVARCHAR(4000) = NULL  part of a name or of a patient_id, or an index; NULL or empty finds all
    @State NVARCHAR(20) = NULL     no features, not scored, scored or failed; NULL means any
    @Sort NVARCHAR(20) = N''index''  index, name, date, slices, probability, scored, the order of scoring, or work: what needs some first
    @Descending BIT = 0            1 turns the order round
    @Offset INT = 0                patients to pass over, 0 and up
    @Limit INT = 50                patients to return, 1 to 1000
    @Total INT = NULL OUTPUT       how many patients there are on all pages
    @Reader NVARCHAR(128) = NULL   account whose own suspicion is returned, as dbo.reviews has it
    @Unread BIT = 0                1 leaves out those whose scan @Reader has reviewed
    @Help BIT = 0                  1 prints this help and does nothing else
Example:
    DECLARE @Total INT;
    EXECUTE dbo.ListPatients @Search = N''an'', @Sort = N''name'', @Total = @Total OUTPUT;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Code TINYINT, @All BIT = 1, @Index INT, @Pattern NVARCHAR(300), @First INT, @Rows INT;
    CREATE TABLE #found (idx INT NOT NULL PRIMARY KEY);
    CREATE TABLE #reviewed (idx INT NOT NULL PRIMARY KEY);
    CREATE TABLE #page (position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, idx INT NOT NULL);
    SET @Code = CASE @State WHEN N'no features' THEN 0 WHEN N'not scored' THEN 1 WHEN N'scored' THEN 2 WHEN N'failed' THEN 3 END;
    IF @State IS NOT NULL AND @Code IS NULL
        SET @Message = CONCAT(N'The value ''', @State,
            N''' for the parameter @State is not supported. Supported values are no features, not scored, scored, failed and NULL.');
    ELSE IF COALESCE(@Sort, N'') NOT IN (N'index', N'name', N'date', N'slices', N'probability', N'scored', N'work')
        SET @Message = CONCAT(N'The value ', COALESCE(N'''' + @Sort + N'''', N'NULL'),
            N' for the parameter @Sort is not supported. Supported values are index, name, date, slices, probability, scored and work.');
    ELSE IF @Descending IS NULL
        SET @Message = N'The value NULL for the parameter @Descending is not supported. Supported values are 0 and 1.';
    ELSE IF @Offset IS NULL OR @Offset < 0
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Offset AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Offset is not supported. Supported values are 0 and up.');
    ELSE IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 1000
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Limit AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 1000.');
    ELSE IF @Unread IS NULL OR (@Unread = 1 AND @Reader IS NULL)
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Unread AS NVARCHAR(1)), N'NULL'),
            N' for the parameter @Unread is not supported. Supported values are 0, and 1 with a name in @Reader.');
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;

    IF @Unread = 1
        INSERT INTO #reviewed (idx)
        SELECT DISTINCT w.idx
        FROM dbo.reviews AS v
        INNER JOIN dbo.scans AS s ON s.patient_id = v.patient_id AND s.content_sha256 = v.content_sha256
        INNER JOIN dbo.worklist AS w ON w.scan_id = s.scan_id
        WHERE v.account = @Reader
        OPTION (RECOMPILE);
    IF COALESCE(@Search, N'') = N''
        SELECT @Total = COUNT(*) FROM dbo.worklist WHERE (@Code IS NULL OR state = @Code) AND (@Unread = 0 OR idx NOT IN (
            SELECT idx FROM #reviewed)) OPTION (RECOMPILE);
    ELSE
    BEGIN
        SET @All = 0;
        -- A sign alone, or spaces, would be the index 0.
        SET @Index = IIF(@Search LIKE N'%[^0-9]%', NULL, TRY_CAST(@Search AS INT));
        SET @Pattern = CONCAT(N'%', REPLACE(REPLACE(REPLACE(REPLACE(@Search, N'\', N'\\'), N'%', N'\%'), N'_', N'\_'), N'[', N'\['), N'%');
        -- What is longer than a name can be is part of none; the pattern would be cut.
        INSERT INTO #found (idx)
        SELECT w.idx
        FROM dbo.worklist AS w
        WHERE DATALENGTH(@Search) <= 256 AND (@Code IS NULL OR w.state = @Code)
            AND (@Unread = 0 OR w.idx NOT IN (SELECT idx FROM #reviewed))
            AND (w.idx = @Index OR w.display_name LIKE @Pattern ESCAPE N'\' OR w.patient_id LIKE @Pattern ESCAPE N'\')
        OPTION (RECOMPILE);
        SET @Total = @@ROWCOUNT;
    END;

    IF @Offset < @Total
    BEGIN
        -- A page of the falling order is one of the rising order counted from the end.
        SET @First = IIF(@Descending = 0, @Offset, @Total - @Offset - @Limit);
        SET @Rows = IIF(@First < 0, @Limit + @First, @Limit);
        SET @First = IIF(@First < 0, 0, @First);
        EXECUTE internal.TakePage @Sort, @Code, @All, @Unread, @First, @Rows;
    END;

    SELECT p.idx AS patient_index, p.display_name, p.sex, p.birth_year, s.study_date, s.number_images AS slices,
        100 * r.probability AS probability_percent, c.name AS model_name, c.version AS model_version, r.predicted_at,
        CASE t.state WHEN 0 THEN N'no features' WHEN 1 THEN N'not scored' WHEN 2 THEN N'scored' ELSE N'failed' END AS state,
        p.patient_id, CAST(IIF(EXISTS (SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = s.scan_id), 1, 0) AS BIT) AS has_images, (
            SELECT COUNT(DISTINCT v.account) FROM dbo.reviews AS v
            WHERE v.patient_id = s.patient_id AND v.content_sha256 = s.content_sha256) AS readers, (
            SELECT TOP (1) CAST(v.suspicion AS INT) FROM dbo.reviews AS v
            WHERE v.patient_id = s.patient_id AND v.content_sha256 = s.content_sha256 AND v.account = @Reader
            ORDER BY v.review_id DESC) AS suspicion
    FROM #page AS g
    INNER JOIN dbo.worklist AS w ON w.idx = g.idx
    INNER JOIN dbo.scan_states AS t ON t.scan_id = w.scan_id
    INNER JOIN dbo.scans AS s ON s.scan_id = w.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    LEFT JOIN dbo.predictions AS r ON r.prediction_id = t.prediction_id
    LEFT JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
    ORDER BY IIF(@Descending = 0, g.position, -g.position);
END;
