-- ReadExplanation: reads what is stored of why a score is what it is: its margin, top features, top triples of slices, and its maps.
-- Example: EXECUTE dbo.ReadExplanation @PredictionId = 1;
CREATE OR ALTER PROCEDURE dbo.ReadExplanation
    @PredictionId INT = NULL, -- prediction_id of dbo.predictions; needed
    @TopFeatures INT = 10,    -- features to return of a model, 0 to 1000
    @TopSlices INT = 10,      -- triples of slices to return, 0 to 1000
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReadExplanation reads what ExplainScans and ExplainRegions have stored of a score; it computes nothing. Five results:
1. the score, one row: explained_at is NULL where ExplainScans has not explained it, and then the other sets are empty. is_primary says
   whether its scan is the one that the patient is shown by, calibration what stands between the margin and the probability, scope and
   scope_reason whether the scan is like those that the model was trained on, as ListScores returns them;
2. the models whose features are explained, a row each: of an ensemble its members from 1, else the one model with the number 0. The
   contributions of a model sum to its margin with expected_margin; is_exact is 0 where they are estimates;
3. its top features by the size of their contribution, as ExplainScans returns them;
4. the top triples of slices, as ExplainScans returns them: share and change_without are exact, shapley is an estimate;
5. the maps without their numbers, the one with the largest value first. RenderMap draws them.
Where the score is explained again or removed while it is read, the call ends with the error 50232, and what it returned is not to be used.
Parameters:
    @PredictionId INT = NULL  prediction_id of dbo.predictions; needed
    @TopFeatures INT = 10     features to return of a model, 0 to 1000
    @TopSlices INT = 10       triples of slices to return, 0 to 1000
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReadExplanation @PredictionId = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT, @ExplainedAt DATETIME2(3);
    CREATE TABLE #asked (scan_id INT NOT NULL PRIMARY KEY, prediction_id INT NULL);
    CREATE TABLE #failed (
        prediction_id INT NOT NULL PRIMARY KEY, number INT NOT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL);
    SET @Message = (
        SELECT STRING_AGG(CONCAT(N'The value ', COALESCE(CAST(a.given AS NVARCHAR(12)), N'NULL'), N' for the parameter ', a.name,
            N' is not supported. Supported values are 0 to 1000.'), N' ')
        FROM (VALUES (N'@TopFeatures', @TopFeatures), (N'@TopSlices', @TopSlices)) AS a (name, given)
        WHERE a.given IS NULL OR a.given NOT BETWEEN 0 AND 1000);
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;
    SET @ClassifierId = (SELECT classifier_id FROM dbo.predictions WHERE prediction_id = @PredictionId);
    IF @ClassifierId IS NULL
    BEGIN
        SET @Message = CONCAT(N'There is no prediction with the number ', COALESCE(CAST(@PredictionId AS NVARCHAR(12)), N'NULL'),
            N'. Give a prediction_id of dbo.predictions.');
        THROW 50145, @Message, 1;
    END;

    SET @ExplainedAt = (SELECT explained_at FROM dbo.score_explanations WHERE prediction_id = @PredictionId);
    INSERT INTO #asked (scan_id, prediction_id)
    SELECT scan_id, prediction_id FROM dbo.predictions WHERE prediction_id = @PredictionId;
    SELECT r.prediction_id, p.idx AS patient_index, r.scan_id, s.is_primary, c.name AS model_name, c.version AS model_version, c.library,
        100 * r.probability AS probability_percent, 100 * r.raw_probability AS raw_percent, r.prevalence, r.predicted,
        JSON_VALUE(c.details, N'$.calibration.method') AS calibration, e.margin, e.reference_margin,
        (SELECT COUNT(DISTINCT t.triple) FROM dbo.score_slices AS t WHERE t.prediction_id = r.prediction_id) AS triples,
        e.seed, e.permutations, e.explained_at, e.explained_by, r.scope, r.scope_reason
    FROM dbo.predictions AS r
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
    INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    LEFT JOIN dbo.score_explanations AS e ON e.prediction_id = r.prediction_id
    WHERE r.prediction_id = @PredictionId;
    SELECT k.member, c.name AS model_name, c.version AS model_version, c.library,
        IIF(c.library IN (N'lightgbm', N'logistic'), 1, 0) AS is_exact, k.expected_margin, k.margin, k.features
    FROM (
        SELECT member, SUM(IIF(feature IS NULL, contribution, 0)) AS expected_margin, SUM(contribution) AS margin,
            SUM(IIF(feature IS NULL, 0, 1)) AS features
        FROM dbo.score_contributions
        WHERE prediction_id = @PredictionId
        GROUP BY member) AS k
    LEFT JOIN dbo.ensemble_members AS m ON m.classifier_id = @ClassifierId AND m.position = k.member - 1
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = COALESCE(m.member_classifier_id, @ClassifierId)
    ORDER BY k.member;
    EXECUTE internal.ShowExplained @TopFeatures, @TopSlices;
    SELECT slice_index, position, method, map_rows, map_cols, lowest, highest
    FROM dbo.score_maps
    WHERE prediction_id = @PredictionId
    ORDER BY IIF(highest > -lowest, highest, -lowest) DESC, slice_index, method;
    -- A commit between two of these reads would give parts of two explanations.
    IF NOT EXISTS (
        SELECT 1
        FROM dbo.predictions AS r
        LEFT JOIN dbo.score_explanations AS e ON e.prediction_id = r.prediction_id
        WHERE r.prediction_id = @PredictionId AND (e.explained_at = @ExplainedAt OR (e.explained_at IS NULL AND @ExplainedAt IS NULL)))
    BEGIN
        SET @Message = CONCAT(N'The score ', @PredictionId, N' was explained again or removed while its explanation was read. ',
            N'Read it again.');
        THROW 50232, @Message, 1;
    END;
END;
