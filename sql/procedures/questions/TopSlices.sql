-- TopSlices: the slices that light a feature most, as rows and on one contact sheet.
-- Example: EXECUTE dbo.TopSlices @Feature = 5, @Top = 16;
CREATE OR ALTER PROCEDURE dbo.TopSlices
    @Feature INT = NULL,                        -- feature, from 0, as dbo.slice_features counts; needed
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers, whose features are meant
    @Version INT = NULL,                        -- its version; NULL means the one served, see dbo.model_status
    @FeatureSetId INT = NULL,                   -- or a feature_set_id of dbo.feature_sets, whatever the model reads
    @Dataset NVARCHAR(128) = NULL,              -- data set whose scans are looked at; NULL means all scans
    @DatasetVersion INT = NULL,                 -- its version; NULL means the newest
    @Top INT = 16,                              -- triples of slices to return, 1 to 100
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TopSlices returns the triples of slices in which a feature is largest, the largest first: what it
answers to. The second result set is one row with a contact sheet as PNG: of every triple the slice in the middle, in the window of the
lung, with scan, slice and value below it; NULL where a scan came without its slices.
A feature belongs to a triple, whose three slices share it.
The features are those that the model reads, before pooling; of one on combined features, give @FeatureSetId of a part.
Parameters:
    @Feature INT = NULL                         feature, from 0, as dbo.slice_features counts; needed
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers, whose features are meant
    @Version INT = NULL                         its version; NULL means the one served, see dbo.model_status
    @FeatureSetId INT = NULL                    or a feature_set_id of dbo.feature_sets, whatever the model reads
    @Dataset NVARCHAR(128) = NULL               data set whose scans are looked at; NULL means all scans
    @DatasetVersion INT = NULL                  its version; NULL means the newest
    @Top INT = 16                               triples of slices to return, 1 to 100
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.TopSlices @Feature = 5, @Top = 16;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @DatasetVersionId INT, @Sheet VARBINARY(MAX);
    CREATE TABLE #found (scan_id INT NULL, triple INT NULL, value FLOAT NULL);
    CREATE TABLE #shown (place INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, triple INT NOT NULL, value FLOAT NOT NULL);
    IF @Top IS NULL OR @Top NOT BETWEEN 1 AND 100
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Top AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Top is not supported. Supported values are 1 to 100.');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.FindSliceFeatures @ModelName, @Version, @Feature, @FeatureSetId OUTPUT;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.feature', @Feature),
        N'$.feature_set_id', @FeatureSetId), N'$.dataset', @Dataset), N'$.top', @Top);
    EXECUTE internal.StartRun N'TopSlices', @RunId OUTPUT, @Arguments;
    EXECUTE internal.FindTopTriples @FeatureSetId, @Feature, @Top, @DatasetVersionId, @RunId;
    INSERT INTO #shown (place, scan_id, triple, value)
    SELECT TOP (@Top) ROW_NUMBER() OVER (ORDER BY value DESC, scan_id, triple), scan_id, triple, value
    FROM #found
    ORDER BY value DESC, scan_id, triple;
    IF (SELECT COUNT(*) FROM #shown) > 1 AND (SELECT MIN(value) FROM #shown) = (SELECT MAX(value) FROM #shown)
        RAISERROR(N'Feature %d is the same in all triples shown: they are ties, in the order of scans. One that is 0 there lights nowhere.',
            0, 1, @Feature) WITH NOWAIT;

    EXECUTE internal.DrawSlices @Sheet OUTPUT, @RunId;
    EXECUTE internal.EndRun @RunId;
    SELECT s.place, p.idx AS patient_index, s.scan_id, s.triple, 3 * s.triple AS first_slice, s.value
    FROM #shown AS s
    INNER JOIN dbo.scans AS c ON c.scan_id = s.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = c.patient_id
    ORDER BY s.place;
    SELECT @Sheet AS png;
END;
