-- ReadTrialVectors: fills #labelled and #read with the scans that trials are cross-validated on, makes their combined vectors, and refuses
-- vectors that are not those stored, after freeing the trials that were taken for them; where members were replaced, it fails the search.
-- Called by RunSearch, whose tables #labelled, #combine and #read it fills.
CREATE OR ALTER PROCEDURE internal.ReadTrialVectors
    @SearchId INT,           -- search
    @Worker NVARCHAR(128),   -- who took the trials
    @RunId INT,              -- row of dbo.runs
    @FeatureSetId INT,       -- feature set of the vectors
    @Pooling NVARCHAR(32),   -- their pooling
    @Lacking INT OUTPUT      -- scans of test patients with a value missing
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @DatasetVersionId INT, @Horizon INT, @PositiveFrom INT, @Unlabelled INT;
    SELECT @DatasetVersionId = dataset_version_id, @Horizon = horizon_days, @PositiveFrom = positive_from
    FROM dbo.searches
    WHERE search_id = @SearchId;
    DELETE FROM #labelled;
    DELETE FROM #combine;
    DELETE FROM #read;
    BEGIN TRY
        EXECUTE internal.CheckMembers @DatasetVersionId;
        EXECUTE internal.TakeLabelledScans @DatasetVersionId, @Horizon, @PositiveFrom, N'classification', @Unlabelled OUTPUT;
        INSERT INTO #combine (scan_id)
        SELECT scan_id FROM #labelled;
        EXECUTE internal.FillCombinedFeatures @FeatureSetId;
        INSERT INTO #read (scan_id)
        SELECT l.scan_id
        FROM #labelled AS l
        INNER JOIN dbo.splits AS sp ON sp.patient_id = l.patient_id
        INNER JOIN dbo.pooled_features AS f ON f.scan_id = l.scan_id
        WHERE sp.part = 'train' AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
        EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;
        SET @Lacking = (
            SELECT COUNT(*)
            FROM #labelled AS l
            INNER JOIN dbo.splits AS sp ON sp.patient_id = l.patient_id
            INNER JOIN dbo.pooled_features AS f ON f.scan_id = l.scan_id
            WHERE sp.part = 'test' AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND @Pooling = N'combined'
                AND f.vector LIKE N'%null%');
    END TRY
    BEGIN CATCH
        SET @Message = ERROR_MESSAGE();
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        -- A version of a data set never has these members again, so that nothing could finish the search.
        IF ERROR_NUMBER() = 50274
        BEGIN
            SET @Message = CONCAT(LEFT(@Message, 1800), N' Search ', @SearchId, N' is failed: make another one with SearchModels.');
            EXECUTE internal.FailSearch @SearchId, @Message;
            EXECUTE internal.EndRun @RunId, 0, @Message;
            SET @Message = REPLACE(@Message, N'%', N'%%');
            THROW 50274, @Message, 1;
        END;
        EXECUTE dbo.ReleaseTrials @SearchId, @Worker;
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;
END;
