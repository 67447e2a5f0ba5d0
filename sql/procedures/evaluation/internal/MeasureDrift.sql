-- MeasureDrift: compares the patients in #compared in every feature, the score, the spacing, and the mix of scanners and kernels.
-- Called by CheckDrift, whose tables #compared it reads, and whose table #items it fills.
CREATE OR ALTER PROCEDURE internal.MeasureDrift
    @ClassifierId INT,          -- the model
    @Permutations INT,          -- number of permutations
    @Seed INT,                  -- of them
    @Statistic FLOAT OUTPUT,    -- the largest difference, in standard errors
    @PValue FLOAT OUTPUT,       -- share of permutations with one as large
    @RunId INT = NULL           -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Gone INT, @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    DECLARE @FeatureSetId INT, @Pooling NVARCHAR(32), @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32),
        @Details NVARCHAR(MAX);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #rows (
        place INT NOT NULL PRIMARY KEY, is_later INT NOT NULL, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, spacing_z FLOAT NULL,
        manufacturer NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL, convolution_kernel NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL);

    SELECT @FeatureSetId = c.feature_set_id, @Pooling = c.pooling, @Classifier = c.model, @Library = c.library,
        @Sha256 = CONVERT(VARCHAR(64), c.sha256, 2), @Details = c.details
    FROM dbo.classifiers AS c
    WHERE c.classifier_id = @ClassifierId;
    INSERT INTO #rows (place, is_later, vector, spacing_z, manufacturer, convolution_kernel)
    SELECT c.place, CAST(c.is_later AS INT), f.vector, s.spacing_z, s.manufacturer, s.convolution_kernel
    FROM #compared AS c
    INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = c.scan_id AND f.vector_sha256 = c.vector_sha256
    WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
    SET @Gone = (SELECT COUNT(*) FROM #compared) - (SELECT COUNT(*) FROM #rows);
    IF @Gone > 0
    BEGIN
        SET @Message = CONCAT(N'The scans or features of ', @Gone, N' patients were replaced or removed before they were read. Nothing is ',
            N'stored. Check again.');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50232, @Message, 1;
    END;

    INSERT INTO #items (kind, feature_index, statistic, p_value, stability_index)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(patients, model, sha256, library, details, permutations, seed):
    from lungdb.procedures import check_drift, measured
    return measured(check_drift, patients, model, sha256, library, details, permutations, seed)

OutputDataSet, Statistic, PValue, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Classifier, Sha256, Library, Details, Permutations, Seed)
',
        @input_data_1 = N'
SELECT is_later, vector, spacing_z, manufacturer, convolution_kernel
FROM #rows
ORDER BY place;',
        @params = N'@Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @Permutations INT,
            @Seed INT, @Statistic FLOAT OUTPUT, @PValue FLOAT OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
            @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @Classifier = @Classifier, @Sha256 = @Sha256, @Library = @Library, @Details = @Details, @Permutations = @Permutations,
        @Seed = @Seed, @Statistic = @Statistic OUTPUT, @PValue = @PValue OUTPUT,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
        @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    EXECUTE internal.ReportStep @RunId, N'Compared; storing.', NULL, NULL, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
END;
