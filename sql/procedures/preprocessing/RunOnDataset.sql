-- RunOnDataset: runs a Python script of one's own on the scans, pictures, features or scores of a data set, and puts what it gives into
-- a table of one's own. It is to be left unsigned and without EXECUTE AS: script, reading and writing have the caller's rights.
-- Example: EXECUTE dbo.RunOnDataset @Dataset = N'thin', @What = N'scores', @Into = N'dbo.mine', @Script = N'OutputDataSet = InputDataSet';
CREATE OR ALTER PROCEDURE dbo.RunOnDataset
    @Dataset NVARCHAR(128) = NULL,     -- data set of scans, or of pictures; needed
    @DatasetVersion INT = NULL,        -- its version; NULL means the newest
    @Script NVARCHAR(MAX) = NULL,      -- Python that reads InputDataSet and sets OutputDataSet, both data frames; needed
    @What NVARCHAR(16) = N'features',  -- scans, pictures, features or scores
    @Into NVARCHAR(257) = NULL,        -- table of one's own whose columns OutputDataSet has; needed
    @Features NVARCHAR(600) = NULL,    -- name in dbo.pooled_sets of the features; NULL means the only ones
    @Parameters NVARCHAR(MAX) = NULL,  -- text that the script reads as Parameters, such as JSON
    @Help BIT = 0                      -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RunOnDataset runs a Python script on a data set. It needs the right to external scripts and to read the tables,
and has no more rights than the caller; on files it may do what the sandbox of external scripts allows. InputDataSet has a row for each
- slice (scans): scan_id, patient_id, slice_index, image_rows, image_cols, spacing_z, spacing_y, spacing_x, pixels, pixels_sha256, encoding;
- picture (pictures): name, label, patient_id, part, image, sha256; label is NULL of those that are not in part train;
- scan (features): scan_id, patient_id, part, label, vector; label is NULL of patients who are not in part train;
- score (scores): prediction_id, scan_id, patient_id, model, version, probability, predicted.
lungdb.procedures has scan_volumes, decoded_pictures and feature_matrix, which make arrays of the first three. OutputDataSet has the
columns of the table by name, in any order; an identity column and one with a default may be left out. bytes become VARBINARY; text comes
whole whatever its letters into NVARCHAR, and into VARCHAR in ASCII; times have no time zone. All rows are stored, or none. No table of
lungdb''s own is filled.
Parameters:
    @Dataset NVARCHAR(128) = NULL     data set of scans, or of pictures; needed
    @DatasetVersion INT = NULL        its version; NULL means the newest
    @Script NVARCHAR(MAX) = NULL      Python that reads InputDataSet and sets OutputDataSet, both data frames; needed
    @What NVARCHAR(16) = N''features''  scans, pictures, features or scores
    @Into NVARCHAR(257) = NULL        table of one''s own whose columns OutputDataSet has; needed
    @Features NVARCHAR(600) = NULL    name in dbo.pooled_sets of the features; NULL means the only ones
    @Parameters NVARCHAR(MAX) = NULL  text that the script reads as Parameters, such as JSON
    @Help BIT = 0                     1 prints this help and does nothing else
Example:
    CREATE TABLE dbo.mine (scan_id INT NOT NULL, probability FLOAT NULL);
    EXECUTE dbo.RunOnDataset @Dataset = N''thin'', @What = N''scores'', @Into = N''dbo.mine'', @Script = N''
OutputDataSet = InputDataSet[["scan_id", "probability"]]'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @VersionId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @Target NVARCHAR(300),
        @Columns NVARCHAR(MAX), @Program NVARCHAR(MAX), @Composed NVARCHAR(MAX), @Language NVARCHAR(128), @ErrorNumber INT,
        @ErrorMessage NVARCHAR(2000);
    EXECUTE internal.CheckRun @Dataset, @Script, @What, @Into, @Features, @FeatureSetId OUTPUT, @Pooling OUTPUT, @Target OUTPUT,
        @Columns OUTPUT;
    IF @What = N'pictures'
        EXECUTE internal.FindImageSet @Dataset, @DatasetVersion, @VersionId OUTPUT;
    ELSE
        EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @VersionId OUTPUT;
    EXECUTE internal.ComposeRun @What, @VersionId, @Script, @Composed OUTPUT, @Program OUTPUT;

    CREATE TABLE #lines (place INT NULL, line VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.dataset',
        @Dataset), N'$.dataset_version', @DatasetVersion), N'$.what', @What), N'$.features', @Features), N'$.into', @Into);
    EXECUTE internal.StartRun N'RunOnDataset', @RunId OUTPUT, @Arguments;
    INSERT INTO #lines (place, line)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = @Program,
        @input_data_1 = @Composed,
        @params = N'@VersionId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @Parameters NVARCHAR(MAX), @LungdbColumns NVARCHAR(MAX),
            @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @VersionId = @VersionId, @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Parameters = @Parameters,
        @LungdbColumns = @Columns, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    BEGIN TRY
        EXECUTE internal.StoreRun @Target;
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
