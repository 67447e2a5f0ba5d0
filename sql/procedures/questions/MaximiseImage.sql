-- MaximiseImage: makes slices that light a feature more than any slice of the data does, by a search, and shows them.
-- Example: EXECUTE dbo.MaximiseImage @Feature = 5, @Generations = 40;
CREATE OR ALTER PROCEDURE dbo.MaximiseImage
    @Feature INT = NULL,                        -- feature, from 0, as dbo.slice_features counts; needed
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers, whose features are meant
    @Version INT = NULL,                        -- its version; NULL means the one served, see dbo.model_status
    @FeatureSetId INT = NULL,                   -- or a feature_set_id of dbo.feature_sets, whatever the model reads
    @Dataset NVARCHAR(128) = NULL,              -- data set whose slices are to be exceeded; NULL means all scans
    @DatasetVersion INT = NULL,                 -- its version; NULL means the newest
    @Generations INT = 40,                      -- generations of the search, 1 to 10000
    @Population INT = 24,                       -- runs of the network in each, 4 to 1000
    @Frequencies INT = 8,                       -- cosines along each side of a slice, 2 to 16
    @Seed INT = 1,                              -- of the draws, 0 and up
    @Method VARCHAR(32) = 'search',             -- search; there is no other, because ONNX Runtime gives no gradients
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.MaximiseImage makes a triple of slices that lights a feature more than every triple of the data set does, as a picture
of what the feature answers to. It returns one row: activation of what was made; largest_activation, of the slices of the data set, by the
stored features; exceeds, 1 where the first is larger, and 0 where the search did not get so far; the scan and triple of the largest;
network_runs; started_from; and png, the three slices made, in the window of the lung, above the three real ones.
The slices are sums of cosines, @Frequencies along each side, within -1024 Hounsfield units (air) and 150 with preprocessing lung, 1000
with another one. They go through the preprocessing as real ones do. An evolution strategy (sep-CMA-ES) draws them; it starts
from the low frequencies of the largest real triple, or from noise where a first draw of noise lights the feature more: started_from
says slice or noise. Fine detail, such as edges, is out of its reach. Nothing is stored.
Parameters:
    @Feature INT = NULL                         feature, from 0, as dbo.slice_features counts; needed
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers, whose features are meant
    @Version INT = NULL                         its version; NULL means the one served, see dbo.model_status
    @FeatureSetId INT = NULL                    or a feature_set_id of dbo.feature_sets, whatever the model reads
    @Dataset NVARCHAR(128) = NULL               data set whose slices are to be exceeded; NULL means all scans
    @DatasetVersion INT = NULL                  its version; NULL means the newest
    @Generations INT = 40                       generations of the search, 1 to 10000
    @Population INT = 24                        runs of the network in each, 4 to 1000
    @Frequencies INT = 8                        cosines along each side of a slice, 2 to 16
    @Seed INT = 1                               of the draws, 0 and up
    @Method VARCHAR(32) = ''search''              search; there is no other, because ONNX Runtime gives no gradients
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.MaximiseImage @Feature = 5, @Generations = 40;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @DatasetVersionId INT, @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT,
        @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @ScanId INT, @Triple INT, @FirstSlice INT, @Stored FLOAT;
    DECLARE @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Layer NVARCHAR(256), @Preprocessing NVARCHAR(32),
        @Steps NVARCHAR(MAX), @State VARBINARY(MAX) = 0x, @Png VARBINARY(MAX), @Activation FLOAT, @Generation INT = -1, @Runs INT = 0,
        @SomeRuns INT, @Start NVARCHAR(16), @StartedFrom NVARCHAR(16), @PatientIndex INT, @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    CREATE TABLE #found (scan_id INT NULL, triple INT NULL, value FLOAT NULL);
    EXECUTE internal.CheckMaximiseArguments @Generations, @Population, @Frequencies, @Seed, @Method;
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.FindSliceFeatures @ModelName, @Version, @Feature, @FeatureSetId OUTPUT;
    EXECUTE internal.FindTopTriples @FeatureSetId, @Feature, 1, @DatasetVersionId;
    SELECT TOP (1) @ScanId = f.scan_id, @Triple = f.triple, @FirstSlice = 3 * f.triple, @Stored = f.value, @PatientIndex = p.idx
    FROM #found AS f
    INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    ORDER BY f.value DESC, f.scan_id, f.triple;
    EXECUTE internal.NeedPixels @ScanId;
    SELECT @Network = n.model, @Sha256 = CONVERT(VARCHAR(64), n.sha256, 2), @Details = n.details, @Layer = s.layer,
        @Preprocessing = s.preprocessing, @Steps = p.steps
    FROM dbo.feature_sets AS s
    INNER JOIN dbo.networks AS n ON n.network_id = s.network_id
    LEFT JOIN dbo.preprocessings AS p ON p.name = s.preprocessing
    WHERE s.feature_set_id = @FeatureSetId;

    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}',
        N'$.model', @ModelName), N'$.version', @Version), N'$.feature', @Feature), N'$.dataset', @Dataset), N'$.generations', @Generations),
        N'$.population', @Population);
    EXECUTE internal.StartRun N'MaximiseImage', @RunId OUTPUT, @Arguments;

    -- Some seconds of the search to a call, so that progress is seen and a call can be stopped between.
    WHILE @Generation < @Generations
    BEGIN
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(*arguments):
    from lungdb.procedures import maximise_image, measured
    return measured(maximise_image, *arguments)

Found, Png, Activation, Generation, SomeRuns, Start, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Network, Sha256, Details, Layer, Preprocessing, Steps, Feature, FirstSlice, Stored, Frequencies,
    Generations, Population, Seed, State, 10, Providers, Threads)
',
            @input_data_1 = N'
SELECT i.slice_index, s.image_rows, s.image_cols, i.rescale_slope, i.rescale_intercept, CONVERT(VARCHAR(MAX), i.pixels, 2) AS pixels,
    CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256, COALESCE(i.encoding, N'''') AS encoding, s.spacing_y, s.spacing_x
FROM dbo.scans AS s
INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id
WHERE s.scan_id = @ScanId AND i.slice_index BETWEEN @FirstSlice AND @FirstSlice + 2
ORDER BY i.slice_index;',
            @params = N'@ScanId INT, @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Layer NVARCHAR(256),
                @Preprocessing NVARCHAR(32), @Steps NVARCHAR(MAX), @Feature INT, @FirstSlice INT, @Stored FLOAT, @Frequencies INT,
                @Generations INT, @Population INT, @Seed INT, @State VARBINARY(MAX), @Providers NVARCHAR(400), @Threads INT,
                @Found VARBINARY(MAX) OUTPUT, @Png VARBINARY(MAX) OUTPUT, @Activation FLOAT OUTPUT, @Generation INT OUTPUT,
                @SomeRuns INT OUTPUT, @Start NVARCHAR(16) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
                @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
            @ScanId = @ScanId, @Network = @Network, @Sha256 = @Sha256, @Details = @Details, @Layer = @Layer,
            @Preprocessing = @Preprocessing, @Steps = @Steps, @Feature = @Feature, @FirstSlice = @FirstSlice, @Stored = @Stored,
            @Frequencies = @Frequencies, @Generations = @Generations, @Population = @Population, @Seed = @Seed, @State = @State,
            @Providers = @Providers, @Threads = @Threads, @Found = @State OUTPUT, @Png = @Png OUTPUT, @Activation = @Activation OUTPUT,
            @Generation = @Generation OUTPUT, @SomeRuns = @SomeRuns OUTPUT, @Start = @Start OUTPUT,
            @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
            @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        SELECT @Runs = @Runs + @SomeRuns, @StartedFrom = COALESCE(NULLIF(@StartedFrom, N''), @Start);
        SET @Message = CONCAT(N'Generation ', @Generation, N' of ', @Generations, N', ', @Runs, N' runs of the network: activation ',
            @Activation, N'; the slices of the data reach ', @Stored, N'.');
        EXECUTE internal.ReportStep @RunId, @Message, @Generation, @Generations, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
    END;
    EXECUTE internal.EndRun @RunId;

    SELECT @PatientIndex AS patient_index, @ScanId AS scan_id, @Triple AS triple, @FirstSlice AS first_slice, @Activation AS activation,
        @Stored AS largest_activation, CAST(IIF(@Activation > @Stored, 1, 0) AS BIT) AS exceeds, @Runs AS network_runs,
        @StartedFrom AS started_from, @Png AS png;
END;
