-- FindImageClassifier: finds the model of pictures that a name means: the version asked for, else the one that dbo.served_image_models has.
-- Called by PredictImages and PromoteImageClassifier.
CREATE OR ALTER PROCEDURE internal.FindImageClassifier
    @ModelName NVARCHAR(128), -- name of a model in dbo.image_classifiers
    @Version INT,             -- its version, or NULL for the one served
    @Id INT OUTPUT            -- the row found
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Serve NVARCHAR(400) = (SELECT value FROM dbo.settings WHERE name = N'serve');
    IF @Version IS NULL AND @Serve NOT IN (N'champion', N'newest')
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The setting serve is ''', @Serve, N''', so that it is not known which version the name ''',
            @ModelName, N''' stands for. Set it in dbo.settings to champion or newest, or give a version.'), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    SET @Id = CASE
        WHEN @Version IS NULL THEN (SELECT image_classifier_id FROM dbo.served_image_models WHERE name = @ModelName)
        ELSE (SELECT image_classifier_id FROM dbo.image_classifiers WHERE name = @ModelName AND version = @Version) END;
    IF @Id IS NOT NULL
        RETURN 0;

    SET @Message = REPLACE(CONCAT(N'There is no model of pictures ', COALESCE(N'''' + @ModelName + N'''', N'NULL'),
        COALESCE(N' with a version ' + CAST(@Version AS NVARCHAR(12)), N''), N'. Those that are there: ', LEFT(COALESCE((
            SELECT STRING_AGG(CAST(CONCAT(c.name, N' ', c.version) AS NVARCHAR(MAX)), N', ') FROM dbo.image_classifiers AS c), N'none'),
        1000), N'. Train one with TrainImageClassifier.'), N'%', N'%%');
    THROW 50300, @Message, 1;
END;
