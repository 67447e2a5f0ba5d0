-- ClusterScans: clusters the scans in #clustered that are to be clustered, by the features of #space, and finds others beside the medoids.
-- Called by ClusterDataset and WrongRepresentatives, whose tables #clustered and #space it reads and whose table #clusters it fills.
CREATE OR ALTER PROCEDURE internal.ClusterScans
    @Clusters INT,              -- number of clusters, or NULL to choose it
    @Seed INT,                  -- of the random starts
    @Beside INT,                -- scans beside each medoid
    @Silhouette FLOAT OUTPUT,   -- mean silhouette, 0 where there is none
    @RunId INT = NULL           -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Language NVARCHAR(128),
        @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #rows (
        scan_id INT NOT NULL PRIMARY KEY, is_clustered INT NOT NULL, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    INSERT INTO #rows (scan_id, is_clustered, vector)
    SELECT c.scan_id, c.is_clustered, s.vector
    FROM #clustered AS c
    INNER JOIN #space AS s ON s.scan_id = c.scan_id;

    INSERT INTO #clusters (scan_id, cluster, role, distance)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(scans, clusters, seed, beside):
    from lungdb.procedures import cluster_scans, measured
    return measured(cluster_scans, scans, clusters, seed, beside)

OutputDataSet, Silhouette, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Clusters, Seed, Beside)
',
        @input_data_1 = N'SELECT scan_id, is_clustered, vector FROM #rows ORDER BY scan_id;',
        @params = N'@Clusters INT, @Seed INT, @Beside INT, @Silhouette FLOAT OUTPUT, @ErrorNumber INT OUTPUT,
            @ErrorMessage NVARCHAR(2000) OUTPUT, @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @Clusters = @Clusters, @Seed = @Seed, @Beside = @Beside, @Silhouette = @Silhouette OUTPUT,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
        @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    -- Each scan clustered comes back once; those beside a medoid are of the others, once a cluster.
    INSERT INTO #sent (place, part)
    SELECT scan_id, 0 FROM #rows WHERE is_clustered = 1;
    INSERT INTO #came (place, part)
    SELECT scan_id, CASE WHEN cluster >= 1 AND role IN (0, 1) THEN 0 ELSE -1 END
    FROM #clusters
    WHERE role <> 2 OR role IS NULL;
    INSERT INTO #came (place, part)
    SELECT c.scan_id, COALESCE(c.cluster, -1) FROM #clusters AS c WHERE c.role = 2;
    INSERT INTO #sent (place, part)
    SELECT DISTINCT c.scan_id, m.cluster
    FROM #clusters AS c
    INNER JOIN #rows AS r ON r.scan_id = c.scan_id AND r.is_clustered = 0
    INNER JOIN #clusters AS m ON m.cluster = c.cluster AND m.role = 1
    WHERE c.role = 2;
    EXECUTE internal.CheckRows N'scan_ids', @RunId;
    EXECUTE internal.ReportStep @RunId, N'Clustered.', NULL, NULL, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
END;
