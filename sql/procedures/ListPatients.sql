-- ListPatients: a page of the worklist: patients with their primary scan, its newest score and what state it is in.
-- Example: DECLARE @Total INT; EXECUTE dbo.ListPatients @Search = N'an', @Sort = N'name', @Total = @Total OUTPUT;
CREATE OR ALTER PROCEDURE dbo.ListPatients
    @Search NVARCHAR(128) = NULL, -- part of a name or of a patient_id, or an index; NULL or empty finds all
    @State NVARCHAR(20) = NULL,   -- no features, not scored, scored or failed; NULL means any
    @Sort NVARCHAR(20) = N'index', -- index, name, date, slices, probability or scored (when)
    @Descending BIT = 0,          -- 1 turns the order round
    @Offset INT = 0,              -- patients to pass over, 0 and up
    @Limit INT = 50,              -- patients to return, 1 to 1000
    @Total INT = NULL OUTPUT,     -- how many patients there are on all pages
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ListPatients returns a page of the worklist, one row a patient, and how many rows there are on all pages.
Parameters:
    @Search NVARCHAR(128) = NULL   part of a name or of a patient_id, or an index; NULL or empty finds all
    @State NVARCHAR(20) = NULL     no features, not scored, scored or failed; NULL means any
    @Sort NVARCHAR(20) = N''index''  index, name, date, slices, probability or scored (when)
    @Descending BIT = 0            1 turns the order round
    @Offset INT = 0                patients to pass over, 0 and up
    @Limit INT = 50                patients to return, 1 to 1000
    @Total INT = NULL OUTPUT       how many patients there are on all pages
    @Help BIT = 0                  1 prints this help and does nothing else
Example:
    DECLARE @Total INT;
    EXECUTE dbo.ListPatients @Search = N''an'', @Sort = N''name'', @Total = @Total OUTPUT;';
        RETURN 0;
    END;

    DECLARE @Index INT = TRY_CAST(NULLIF(LTRIM(RTRIM(@Search)), N'') AS INT);
    CREATE TABLE #found (
        patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, idx INT NOT NULL, display_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL,
        scan_id INT NULL, prediction_id INT NULL, state NVARCHAR(20) COLLATE DATABASE_DEFAULT NULL);
    INSERT INTO #found (patient_id, idx, display_name, scan_id, prediction_id)
    SELECT p.patient_id, p.idx, p.display_name, s.scan_id,
        (SELECT MAX(r.prediction_id) FROM dbo.predictions AS r WHERE r.scan_id = s.scan_id)
    FROM dbo.patients AS p
    LEFT JOIN dbo.scans AS s ON s.patient_id = p.patient_id AND s.is_primary = 1
    WHERE COALESCE(@Search, N'') = N'' OR p.idx = @Index OR CHARINDEX(@Search, p.display_name) > 0 OR CHARINDEX(@Search, p.patient_id) > 0;
    UPDATE f
    SET f.state = CASE
        WHEN EXISTS (SELECT 1 FROM dbo.scan_failures AS x WHERE x.scan_id = f.scan_id) THEN N'failed'
        WHEN f.prediction_id IS NOT NULL THEN N'scored'
        WHEN EXISTS (SELECT 1 FROM dbo.features AS x WHERE x.scan_id = f.scan_id) THEN N'not scored'
        ELSE N'no features' END
    FROM #found AS f;
    DELETE FROM #found WHERE state <> @State;
    SET @Total = (SELECT COUNT(*) FROM #found);

    SELECT f.idx AS patient_index, f.display_name, p.sex, p.birth_year, s.study_date, s.number_images AS slices,
        100 * r.probability AS probability_percent, c.name AS model_name, c.version AS model_version, r.predicted_at, f.state
    FROM #found AS f
    INNER JOIN dbo.patients AS p ON p.patient_id = f.patient_id
    LEFT JOIN dbo.scans AS s ON s.scan_id = f.scan_id
    LEFT JOIN dbo.predictions AS r ON r.prediction_id = f.prediction_id
    LEFT JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
    ORDER BY
        CASE WHEN @Sort = N'name' AND @Descending = 0 THEN f.display_name END,
        CASE WHEN @Sort = N'name' AND @Descending = 1 THEN f.display_name END DESC,
        CASE WHEN @Sort = N'date' AND @Descending = 0 THEN s.study_date END,
        CASE WHEN @Sort = N'date' AND @Descending = 1 THEN s.study_date END DESC,
        CASE WHEN @Sort = N'slices' AND @Descending = 0 THEN s.number_images END,
        CASE WHEN @Sort = N'slices' AND @Descending = 1 THEN s.number_images END DESC,
        CASE WHEN @Sort = N'probability' AND @Descending = 0 THEN r.probability END,
        CASE WHEN @Sort = N'probability' AND @Descending = 1 THEN r.probability END DESC,
        CASE WHEN @Sort = N'scored' AND @Descending = 0 THEN r.predicted_at END,
        CASE WHEN @Sort = N'scored' AND @Descending = 1 THEN r.predicted_at END DESC,
        CASE WHEN @Descending = 0 THEN f.idx END,
        CASE WHEN @Descending = 1 THEN f.idx END DESC
    OFFSET @Offset ROWS FETCH NEXT @Limit ROWS ONLY;
END;
