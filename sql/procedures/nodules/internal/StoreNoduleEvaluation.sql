-- StoreNoduleEvaluation: stores an evaluation of a detector. It is the only writer of dbo.nodule_evaluations and its points.
-- Called by EvaluateNodules, whose tables #scans, #stages, #marked and #measured it reads.
CREATE OR ALTER PROCEDURE internal.StoreNoduleEvaluation
    @NetworkId INT,                -- the detector
    @Preprocessing NVARCHAR(32),   -- preprocessing by which it searched
    @DatasetVersionId INT,         -- the version of a data set
    @LeastReaders INT,             -- of a nodule
    @LeastDiameter FLOAT,          -- of a nodule, in millimetres
    @MostPerScan INT,              -- candidates of a scan, or NULL
    @Seed INT,                     -- of the bootstrap
    @Counts NVARCHAR(400),         -- JSON: what was counted
    @EvaluationId INT OUTPUT       -- the row
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Locked INT;
    BEGIN TRANSACTION;
    -- First the evaluations, then what they are of, as DeleteDataset does.
    SET @Locked = (SELECT COUNT(*) FROM dbo.nodule_evaluations WITH (UPDLOCK, HOLDLOCK) WHERE dataset_version_id = @DatasetVersionId);
    IF NOT EXISTS (SELECT 1 FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE network_id = @NetworkId)
        OR NOT EXISTS (SELECT 1 FROM dbo.dataset_versions WITH (UPDLOCK, HOLDLOCK) WHERE dataset_version_id = @DatasetVersionId)
    BEGIN
        SET @Message = N'The detector or the data set was deleted while it was measured. Nothing is stored. Take another one.';
        THROW 50232, @Message, 1;
    END;
    INSERT INTO dbo.nodule_evaluations (network_id, preprocessing, stages, dataset_version_id, least_readers, least_diameter, most_per_scan,
        seed, resamples, scans, test_scans, nodules, irrelevant, candidates, hits, repeated, ignored, false_alarms, beyond)
    SELECT @NetworkId, @Preprocessing, (
            SELECT STRING_AGG(CAST(CONCAT(t.name, N':', n.version) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY t.position)
            FROM #stages AS t
            INNER JOIN dbo.networks AS n ON n.network_id = t.network_id),
        @DatasetVersionId, @LeastReaders, @LeastDiameter, @MostPerScan, @Seed, CAST(JSON_VALUE(@Counts, N'$.resamples') AS INT),
        (SELECT COUNT(*) FROM #scans), (SELECT COUNT(*) FROM #scans WHERE is_test = 1),
        (SELECT COUNT(*) FROM #marked WHERE is_nodule = 1), (SELECT COUNT(*) FROM #marked WHERE is_nodule = 0),
        CAST(JSON_VALUE(@Counts, N'$.candidates') AS INT), CAST(JSON_VALUE(@Counts, N'$.hits') AS INT),
        CAST(JSON_VALUE(@Counts, N'$.repeated') AS INT), CAST(JSON_VALUE(@Counts, N'$.ignored') AS INT),
        CAST(JSON_VALUE(@Counts, N'$.false_alarms') AS INT), CAST(JSON_VALUE(@Counts, N'$.beyond') AS INT);
    SET @EvaluationId = SCOPE_IDENTITY();
    INSERT INTO dbo.nodule_evaluation_points (nodule_evaluation_id, position, false_alarms_per_scan, sensitivity, low, high)
    SELECT @EvaluationId, position, rate, sensitivity, low, high FROM #measured;
    COMMIT TRANSACTION;
END;
