-- CompareVectors: finds the scans of #vectors whose vectors are most like one, and puts them into #similar.
-- Called by SimilarPatients and SimilarToSlices, after CheckVectors.
CREATE OR ALTER PROCEDURE internal.CompareVectors
    @FeatureSetId INT,          -- feature set of the vectors
    @Pooling NVARCHAR(32),      -- their pooling
    @Array VARBINARY(MAX),      -- the vector to compare with, float32 little-endian
    @PatientId NVARCHAR(64),    -- the patient it is of, whose scans are left out, or NULL
    @Limit INT,                 -- scans to find
    @RunId INT = NULL           -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Language NVARCHAR(128), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    CREATE TABLE #others (scan_id INT NOT NULL PRIMARY KEY, array VARBINARY(MAX) NOT NULL);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    -- The query of an external script runs with the caller's rights, and nobody needs rights on tables to call this.
    INSERT INTO #others (scan_id, array)
    SELECT u.scan_id, u.array
    FROM #vectors AS v
    INNER JOIN dbo.binary_vectors AS u ON u.scan_id = v.scan_id
    INNER JOIN dbo.scans AS s ON s.scan_id = v.scan_id
    WHERE u.feature_set_id = @FeatureSetId AND u.pooling = @Pooling AND DATALENGTH(u.array) = DATALENGTH(@Array)
        AND s.patient_id <> COALESCE(@PatientId, N'');
    SET @Message = (
        SELECT CONCAT(N'Left out: ', COUNT(*), N' scans whose stored vectors have another width than the one that is compared with. ',
            N'Call GenerateFeatures with @Recompute = 1.')
        FROM #vectors AS v
        INNER JOIN dbo.binary_vectors AS u ON u.scan_id = v.scan_id
        WHERE u.feature_set_id = @FeatureSetId AND u.pooling = @Pooling AND DATALENGTH(u.array) NOT IN (0, DATALENGTH(@Array))
        HAVING COUNT(*) > 0);
    IF @Message IS NOT NULL
        RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
    -- Hexadecimal takes two characters a byte.
    SET @Message = (
        SELECT CONCAT(N'The vectors of ', COUNT(*), N' scans are more than the 1 GB that a script takes. ',
            N'Choose a model on features of a layer with fewer numbers.')
        FROM #others
        HAVING 2 * SUM(CAST(DATALENGTH(array) AS BIGINT)) > 1073741824);
    IF @Message IS NOT NULL
    BEGIN
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50231, @Message, 1;
    END;
    INSERT INTO #similar (scan_id, similarity)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(others, array, limit):
    from lungdb.procedures import similar_patients
    return similar_patients(others, array, limit)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet, Array, Limit)
',
        @input_data_1 = N'SELECT scan_id, CONVERT(VARCHAR(MAX), array, 2) AS array FROM #others ORDER BY scan_id;',
        @params = N'@Array VARBINARY(MAX), @Limit INT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Array = @Array, @Limit = @Limit,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    -- As many as were asked for or are there, each of those sent and once.
    INSERT INTO #came (place, part)
    SELECT scan_id, CASE WHEN similarity BETWEEN -1 AND 1 THEN 1 ELSE 0 END FROM #similar;
    INSERT INTO #sent (place, part)
    SELECT TOP (@Limit) scan_id, 1
    FROM #others
    ORDER BY CASE WHEN scan_id IN (SELECT place FROM #came) THEN 0 ELSE 1 END, scan_id;
    EXECUTE internal.CheckRows N'scan_ids', @RunId;
END;
