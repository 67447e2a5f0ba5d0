-- ScaleDataset: copies a data set of examples with its features scaled, by figures of its own or by those of another, with no Python.
-- Example: EXECUTE dbo.ScaleDataset @Dataset = N'ct', @Into = N'ct_scaled';
CREATE OR ALTER PROCEDURE dbo.ScaleDataset
    @Dataset NVARCHAR(128) = NULL,      -- data set in dbo.examples
    @Into NVARCHAR(128) = NULL,         -- name of the scaled data set
    @Method NVARCHAR(16) = NULL,        -- zscore: mean 0 and standard deviation 1; minmax: 0 to 1; NULL means zscore
    @As NVARCHAR(128) = NULL,           -- a scaled data set by whose figures this one is scaled, such as that of the training
    @Replace BIT = 0,                   -- 1 replaces a data set of examples that has the name @Into
    @Help BIT = 0                       -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ScaleDataset makes a data set of examples with scaled features, and with the labels of the first. The figures of each
feature are kept in dbo.dataset_scalings. Scale the examples to learn from, and later ones, test data too, by the same figures with @As.
A feature that is the same in all examples becomes 0.
Parameters:
    @Dataset NVARCHAR(128) = NULL  data set in dbo.examples
    @Into NVARCHAR(128) = NULL     name of the scaled data set
    @Method NVARCHAR(16) = NULL    zscore: mean 0 and standard deviation 1; minmax: 0 to 1; NULL means zscore
    @As NVARCHAR(128) = NULL       a scaled data set by whose figures this one is scaled, such as that of the training
    @Replace BIT = 0               1 replaces a data set of examples that has the name @Into
    @Help BIT = 0                  1 prints this help and does nothing else
Examples:
    EXECUTE dbo.ScaleDataset @Dataset = N''ct'', @Into = N''ct_scaled'';
    EXECUTE dbo.ScaleDataset @Dataset = N''ct_test'', @Into = N''ct_test_scaled'', @As = N''ct_scaled'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @Inputs INT, @Examples INT, @Constant INT;
    IF @Into IS NULL OR @Into = N'' OR @Into = @Dataset
        SET @Message = CONCAT(N'The value ', COALESCE(N'''' + @Into + N'''', N'NULL'),
            N' for the parameter @Into is not supported. Give the scaled data set a name of its own. ');
    IF @Method IS NOT NULL AND @Method NOT IN (N'zscore', N'minmax')
        SET @Message = CONCAT(@Message, N'The value ''', @Method,
            N''' for the parameter @Method is not supported. Supported values are zscore and minmax. ');
    IF @Method IS NOT NULL AND @As IS NOT NULL
        SET @Message = CONCAT(@Message, N'Both @Method and @As were given, and the figures of @As have their method. Leave one out. ');
    IF @Replace IS NULL
        SET @Message = CONCAT(@Message, N'The value NULL for the parameter @Replace is not supported. Supported values are 0 and 1. ');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    IF @As IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dbo.dataset_scalings WHERE dataset = @As)
    BEGIN
        SET @Message = REPLACE(CONCAT(N'No scaling is kept for the data set ''', @As, N'''. Those that are: ', LEFT(COALESCE((
            SELECT STRING_AGG(CAST(s.dataset AS NVARCHAR(MAX)), N', ') FROM (SELECT DISTINCT dataset FROM dbo.dataset_scalings) AS s),
            N'none'), 1000), N'. Give one that ScaleDataset made.'), N'%', N'%%');
        THROW 50306, @Message, 1;
    END;
    SET @Inputs = (SELECT MAX(feature_index) + 1 FROM dbo.dataset_scalings WHERE dataset = @As);
    EXECUTE internal.CheckDataset @Dataset, @Inputs OUTPUT;

    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.dataset', @Dataset),
        N'$.into', @Into), N'$.method', @Method), N'$.as', @As);
    EXECUTE internal.StartRun N'ScaleDataset', @RunId OUTPUT, @Arguments;
    CREATE TABLE #figures (
        feature_index INT NOT NULL PRIMARY KEY, method VARCHAR(6) COLLATE DATABASE_DEFAULT NOT NULL,
        made_from NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, centre FLOAT NOT NULL, scale FLOAT NOT NULL);
    INSERT INTO #figures (feature_index, method, made_from, centre, scale)
    SELECT feature_index, method, made_from, centre, scale FROM dbo.dataset_scalings WHERE dataset = @As;
    -- The mean and deviation of values less their least lose no digits where all are large. What rounding makes of a constant is none.
    IF @As IS NULL
        INSERT INTO #figures (feature_index, method, made_from, centre, scale)
        SELECT f.feature_index, COALESCE(LOWER(@Method), N'zscore'), @Dataset,
            CASE WHEN f.largest - f.least <= 1e-12 * f.size OR @Method = N'minmax' THEN f.least ELSE f.least + f.mean END,
            CASE WHEN f.largest - f.least <= 1e-12 * f.size THEN 1 WHEN @Method = N'minmax' THEN f.largest - f.least ELSE f.deviation END
        FROM (
            SELECT e.feature_index, MIN(r.least) AS least, MAX(r.largest) AS largest, AVG(e.value - r.least) AS mean,
                STDEVP(e.value - r.least) AS deviation, MAX(ABS(e.value)) AS size
            FROM dbo.examples AS e
            INNER JOIN (
                SELECT feature_index, MIN(value) AS least, MAX(value) AS largest FROM dbo.examples WHERE dataset = @Dataset
                GROUP BY feature_index) AS r ON r.feature_index = e.feature_index
            WHERE e.dataset = @Dataset
            GROUP BY e.feature_index) AS f;

    BEGIN TRY
        BEGIN TRANSACTION;
        EXECUTE internal.RegisterExamples @Into, @Replace;
        DELETE FROM dbo.examples WHERE dataset = @Into;
        DELETE FROM dbo.example_labels WHERE dataset = @Into;
        DELETE FROM dbo.dataset_scalings WHERE dataset = @Into;
        INSERT INTO dbo.examples (dataset, example_id, feature_index, value)
        SELECT @Into, e.example_id, e.feature_index, (e.value - f.centre) / f.scale
        FROM dbo.examples AS e
        INNER JOIN #figures AS f ON f.feature_index = e.feature_index
        WHERE e.dataset = @Dataset;
        INSERT INTO dbo.example_labels (dataset, example_id, label)
        SELECT @Into, example_id, label FROM dbo.example_labels WHERE dataset = @Dataset;
        INSERT INTO dbo.dataset_scalings (dataset, feature_index, method, made_from, centre, scale)
        SELECT @Into, feature_index, method, made_from, centre, scale FROM #figures;
        COMMIT TRANSACTION;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;

    SET @Examples = (SELECT COUNT(DISTINCT example_id) FROM dbo.examples WHERE dataset = @Into);
    SET @Constant = (
        SELECT COUNT(*) FROM (
            SELECT feature_index FROM dbo.examples WHERE dataset = @Dataset GROUP BY feature_index HAVING MIN(value) = MAX(value)) AS c);
    SET @Message = CONCAT(@Into, N': ', @Examples, N' examples with ', @Inputs, N' features, scaled by the figures of ',
        COALESCE(@As, @Dataset), N'; ', @Constant, N' features are the same in all examples.');
    EXECUTE internal.ReportStep @RunId, @Message;
    EXECUTE internal.EndRun @RunId;
END;
