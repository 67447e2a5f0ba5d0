-- TakeEvaluated: fills #evaluated with the scans of a version of a data set and their labels; refuses a model that has no figures of
-- this kind, members that are gone or replaced, and a set without labels.
-- Called by EvaluateModel, whose table #evaluated it fills.
CREATE OR ALTER PROCEDURE internal.TakeEvaluated
    @ClassifierId INT,      -- the model
    @DatasetVersionId INT,  -- the version of a data set
    @SkipMissing BIT,       -- 1 leaves out members that are gone or replaced
    @Horizon INT OUTPUT,    -- days, 0 for labels of patients, NULL for what the model was trained on; NULL comes back for those of patients
    @LeftOut INT OUTPUT     -- members left out
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Task VARCHAR(14) = (SELECT task FROM dbo.classifiers WHERE classifier_id = @ClassifierId);
    DECLARE @Members INT, @Horizons NVARCHAR(400), @Label INT;
    IF @Task <> 'classification'
    BEGIN
        SET @Message = CONCAT(N'The model is of the task ', @Task,
            N', and EvaluateModel measures models of the task classification. Take such a one; see dbo.model_versions.');
        THROW 50289, @Message, 1;
    END;
    IF @Horizon IS NULL
        SET @Horizon = (SELECT TOP (1) horizon_days FROM dbo.experiments WHERE classifier_id = @ClassifierId ORDER BY experiment_id DESC);
    SET @Horizon = NULLIF(@Horizon, 0);

    INSERT INTO #evaluated (scan_id, patient_id, study_uid, kernel, content_sha256)
    SELECT s.scan_id, s.patient_id, s.study_uid, s.convolution_kernel, s.content_sha256
    FROM dbo.dataset_members AS m
    INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id AND s.content_sha256 = m.content_sha256
    WHERE m.dataset_version_id = @DatasetVersionId
    ORDER BY s.patient_id, s.scan_id;
    SET @Members = (SELECT COUNT(*) FROM dbo.dataset_members WHERE dataset_version_id = @DatasetVersionId);
    SET @LeftOut = @Members - (SELECT COUNT(*) FROM #evaluated);
    IF @LeftOut > 0 AND (@SkipMissing = 0 OR @LeftOut = @Members)
    BEGIN
        SET @Message = CONCAT(@LeftOut, N' of the ', @Members, N' scans of the data set were deleted or replaced by others since it was ',
            N'made. Create the data set again', IIF(@LeftOut = @Members, N'.', N', or leave them out with @SkipMissing = 1.'));
        THROW 50271, @Message, 1;
    END;
    UPDATE e
    SET e.patient = n.number
    FROM #evaluated AS e
    INNER JOIN (SELECT patient_id, MIN(place) AS number FROM #evaluated GROUP BY patient_id) AS n ON n.patient_id = e.patient_id;

    IF @Horizon IS NULL
        UPDATE e
        SET e.label = l.label
        FROM #evaluated AS e
        INNER JOIN dbo.labels AS l ON l.patient_id = e.patient_id;
    ELSE
        UPDATE e
        SET e.label = l.label
        FROM #evaluated AS e
        INNER JOIN dbo.scan_labels AS l ON l.scan_id = e.scan_id
        WHERE l.horizon_days = @Horizon;
    IF NOT EXISTS (SELECT 1 FROM #evaluated WHERE label IS NOT NULL)
    BEGIN
        SET @Horizons = (
            SELECT STRING_AGG(CAST(h.horizon_days AS NVARCHAR(12)), N', ') WITHIN GROUP (ORDER BY h.horizon_days)
            FROM (
                SELECT DISTINCT TOP (20) l.horizon_days
                FROM dbo.scan_labels AS l
                INNER JOIN #evaluated AS e ON e.scan_id = l.scan_id
                ORDER BY l.horizon_days) AS h);
        SET @Message = CONCAT(N'No scan of the data set has a label', N' within ' + CAST(@Horizon AS NVARCHAR(12)) + N' days',
            N'. Load labels with load_labels, or take another data set or @Horizon; its scans have labels within: ',
            COALESCE(@Horizons, N'no'), N' days.');
        THROW 50111, @Message, 1;
    END;
    SET @Label = (SELECT MIN(label) FROM #evaluated WHERE label > 1);
    IF @Label IS NOT NULL
    BEGIN
        SET @Message = CONCAT(N'A scan of the data set has the label ', @Label,
            N', and figures are of the labels 0 and 1. Take scans of those, or correct the labels.');
        THROW 50289, @Message, 1;
    END;
END;
