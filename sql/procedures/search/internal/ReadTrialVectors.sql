-- ReadTrialVectors: fills #read with the scans that trials are cross-validated on, and refuses vectors that are not those stored, after
-- freeing the trials that were taken for them.
-- Called by RunSearch, whose table #read it fills.
CREATE OR ALTER PROCEDURE internal.ReadTrialVectors
    @SearchId INT,           -- search
    @Worker NVARCHAR(128),   -- who took the trials
    @RunId INT,              -- row of dbo.runs
    @FeatureSetId INT,       -- feature set of the vectors
    @Pooling NVARCHAR(32)    -- their pooling
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    DELETE FROM #read;
    INSERT INTO #read (scan_id)
    SELECT s.scan_id
    FROM dbo.scans AS s
    INNER JOIN dbo.splits AS sp ON sp.patient_id = s.patient_id
    INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id
    WHERE s.is_primary = 1 AND sp.part = 'train' AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
    BEGIN TRY
        EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;
    END TRY
    BEGIN CATCH
        SET @Message = ERROR_MESSAGE();
        EXECUTE dbo.ReleaseTrials @SearchId, @Worker;
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;
END;
