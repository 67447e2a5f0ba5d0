-- ExplainRegions: maps of which places in chosen slices a score came from, for a score that is explained already.
-- Example: EXECUTE dbo.ExplainRegions @PredictionId = 1, @TopSlices = 3;
CREATE OR ALTER PROCEDURE dbo.ExplainRegions
    @PredictionId INT = NULL,     -- prediction_id of dbo.predictions; needed
    @TopSlices INT = 10,          -- how many slices, of the triples that count most in dbo.score_slices, 1 and up
    @Slices NVARCHAR(MAX) = NULL, -- or the slices by their index, from 0, with commas
    @Grid INT = NULL,             -- cells along each side that an occlusion hides one by one, 2 to 64; NULL means 16, of volumes 6
    @Method VARCHAR(16) = NULL,   -- occlusion or gradcam; NULL means gradcam where it is exact, occlusion elsewhere
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ExplainRegions fills dbo.score_maps for slices of an explained score, and returns a row a slice: slice_index, position
in mm, method, map_rows, map_cols, and the lowest and highest value of the map. The network reads slices three by three, so the slices of
a triple have the same map. Values are in units of the margin, as in dbo.score_slices: positive where a place raises the score.
occlusion: the margin less the margin with a cell of the grid hidden, in the three slices of its triple at once, by air of -1024 HU; cells
outside of the body are not hidden and have the value 0. Such values do not add up. It takes a run of the network a cell and triple.
gradcam: the exact share of each place, for a logistic regression over mean features of a layer that is the average of a map; shares of
all places of all triples add up to the margin without its constant.
A network of volumes has occlusion alone: boxes of the prepared volume are hidden, @Grid along each axis, 16 at most; maps are of all
slices unless @Slices names some, and a slice shows the boxes that it goes through.
Maps of the same slice and method are replaced. RenderMap draws them.
Parameters:
    @PredictionId INT = NULL      prediction_id of dbo.predictions; needed
    @TopSlices INT = 10           how many slices, of the triples that count most in dbo.score_slices, 1 and up
    @Slices NVARCHAR(MAX) = NULL  or the slices by their index, from 0, with commas
    @Grid INT = NULL              cells along each side that an occlusion hides one by one, 2 to 64; NULL means 16, of volumes 6
    @Method VARCHAR(16) = NULL    occlusion or gradcam; NULL means gradcam where it is exact, occlusion elsewhere
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.ExplainRegions @PredictionId = 1, @TopSlices = 3;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ScanId INT, @ClassifierId INT, @FeatureSetId INT, @PixelSetId INT, @Pooling NVARCHAR(32);
    DECLARE @Parts NVARCHAR(MAX), @Network VARBINARY(MAX), @NetworkSha256 VARCHAR(64), @NetworkDetails NVARCHAR(MAX),
        @Layer NVARCHAR(256), @Preprocessing NVARCHAR(32), @Steps NVARCHAR(MAX), @Model VARBINARY(MAX), @Sha256 VARCHAR(64),
        @Library NVARCHAR(32), @Details NVARCHAR(MAX), @Vector NVARCHAR(MAX), @Array VARBINARY(MAX),
        @ArraySha256 VARCHAR(64), @ArrayRows INT;
    DECLARE @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT, @UsedMethod NVARCHAR(128), @Notice NVARCHAR(2000),
        @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @IsVolume BIT;
    CREATE TABLE #wanted (slice_index INT NOT NULL PRIMARY KEY);
    CREATE TABLE #maps (
        slice_index INT NOT NULL PRIMARY KEY, first_row INT NOT NULL, end_row INT NOT NULL, first_col INT NOT NULL, end_col INT NOT NULL,
        map_rows INT NOT NULL, map_cols INT NOT NULL, lowest FLOAT NOT NULL, highest FLOAT NOT NULL,
        map VARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, sha256 VARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL);

    EXECUTE internal.CheckRegionArguments @TopSlices, @Slices, @Grid, @Method;
    SET @Method = LOWER(RTRIM(@Method)); -- Python tells letters apart
    EXECUTE internal.FindExplained @PredictionId, @ScanId OUTPUT, @ClassifierId OUTPUT, @FeatureSetId OUTPUT, @Pooling OUTPUT,
        @PixelSetId OUTPUT, @Parts OUTPUT;
    SET @IsVolume = (
        SELECT IIF(JSON_VALUE(n.details, N'$.input.dimensions') = N'3', 1, 0)
        FROM dbo.feature_sets AS s
        INNER JOIN dbo.networks AS n ON n.network_id = s.network_id
        WHERE s.feature_set_id = @PixelSetId);
    SET @Grid = COALESCE(@Grid, IIF(@IsVolume = 1, 6, 16));
    EXECUTE internal.ChooseSlices @PredictionId, @ScanId, @TopSlices, @Slices, @IsVolume;
    SELECT @Model = c.model, @Sha256 = CONVERT(VARCHAR(64), c.sha256, 2), @Library = c.library, @Details = c.details
    FROM dbo.classifiers AS c
    WHERE c.classifier_id = @ClassifierId;
    SELECT @Network = n.model, @NetworkSha256 = CONVERT(VARCHAR(64), n.sha256, 2), @NetworkDetails = n.details, @Layer = s.layer,
        @Preprocessing = s.preprocessing, @Steps = p.steps
    FROM dbo.feature_sets AS s
    INNER JOIN dbo.networks AS n ON n.network_id = s.network_id
    LEFT JOIN dbo.preprocessings AS p ON p.name = s.preprocessing
    WHERE s.feature_set_id = @PixelSetId;
    SELECT @Vector = vector FROM dbo.pooled_features
    WHERE scan_id = @ScanId AND feature_set_id = @FeatureSetId AND pooling = @Pooling;
    SELECT @Array = array, @ArraySha256 = CONVERT(VARCHAR(64), sha256, 2), @ArrayRows = array_rows FROM dbo.features
    WHERE scan_id = @ScanId AND feature_set_id = @PixelSetId;

    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(N'{}', N'$.method', @Method), N'$.grid', @Grid);
    EXECUTE internal.StartRun N'ExplainRegions', @RunId OUTPUT, @Arguments;
    INSERT INTO #maps (slice_index, first_row, end_row, first_col, end_col, map_rows, map_cols, lowest, highest, map, sha256)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(*arguments):
    from lungdb.procedures import explain_regions
    return explain_regions(*arguments)

OutputDataSet, UsedMethod, Notice, ErrorNumber, ErrorMessage = main(
    InputDataSet, Network, NetworkSha256, NetworkDetails, Layer, Preprocessing, Model, Sha256, Library, Details, Vector,
    Array, ArraySha256, ArrayRows, Parts, Method, Grid, Providers, Threads, Steps)
',
        @input_data_1 = N'
SELECT i.slice_index, CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256, s.image_rows, s.image_cols, i.rescale_slope,
    i.rescale_intercept, CASE WHEN w.slice_index IS NULL THEN 0 ELSE 1 END AS is_wanted,
    CASE WHEN @IsVolume = 1 OR i.slice_index / 3 IN (SELECT slice_index / 3 FROM #wanted) THEN CONVERT(VARCHAR(MAX), i.pixels, 2)
        ELSE '''' END AS pixels,
    CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256, COALESCE(i.encoding, N'''') AS encoding, s.spacing_y, s.spacing_x,
    s.spacing_z, s.origin_x, s.origin_y, s.origin_z, s.row_x, s.row_y, s.row_z, s.column_x, s.column_y, s.column_z,
    s.step_x, s.step_y, s.step_z
FROM dbo.scans AS s
INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id
LEFT JOIN #wanted AS w ON w.slice_index = i.slice_index
WHERE s.scan_id = @ScanId
ORDER BY i.slice_index;',
        @params = N'@ScanId INT, @IsVolume BIT, @Network VARBINARY(MAX), @NetworkSha256 VARCHAR(64), @NetworkDetails NVARCHAR(MAX),
            @Layer NVARCHAR(256),
            @Preprocessing NVARCHAR(32), @Model VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32), @Details NVARCHAR(MAX),
            @Vector NVARCHAR(MAX), @Array VARBINARY(MAX), @ArraySha256 VARCHAR(64), @ArrayRows INT, @Parts NVARCHAR(MAX),
            @Method VARCHAR(16), @Grid INT, @Steps NVARCHAR(MAX), @Providers NVARCHAR(400), @Threads INT, @UsedMethod NVARCHAR(128) OUTPUT,
            @Notice NVARCHAR(2000) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @ScanId = @ScanId, @IsVolume = @IsVolume, @Network = @Network, @NetworkSha256 = @NetworkSha256, @NetworkDetails = @NetworkDetails,
        @Layer = @Layer, @Preprocessing = @Preprocessing, @Model = @Model, @Sha256 = @Sha256, @Library = @Library, @Details = @Details,
        @Vector = @Vector, @Array = @Array, @ArraySha256 = @ArraySha256, @ArrayRows = @ArrayRows, @Parts = @Parts, @Method = @Method,
        @Grid = @Grid, @Steps = @Steps, @Providers = @Providers, @Threads = @Threads, @UsedMethod = @UsedMethod OUTPUT,
        @Notice = @Notice OUTPUT,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    SET @Message = REPLACE(@Notice, N'%', N'%%');
    RAISERROR(@Message, 0, 1) WITH NOWAIT;
    BEGIN TRY
        EXECUTE internal.StoreMaps @PredictionId, @ScanId, @PixelSetId, @ArraySha256, @UsedMethod, @IsVolume;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;
    EXECUTE internal.EndRun @RunId;
END;
