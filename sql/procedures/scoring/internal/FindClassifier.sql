-- FindClassifier: finds the model that a name means: the version asked for, else the one that dbo.served_models has for it.
-- Called by PredictLungCancer and every other procedure that is given a model's name.
CREATE OR ALTER PROCEDURE internal.FindClassifier
    @ModelName NVARCHAR(128),  -- name of a model in dbo.classifiers
    @Version INT,              -- its version, or NULL for the one served
    @ClassifierId INT OUTPUT   -- the row found
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Names NVARCHAR(1000), @Versions NVARCHAR(400), @Serve NVARCHAR(400);
    IF @Version IS NULL
        SET @ClassifierId = (
            SELECT m.classifier_id FROM dbo.served_models AS m
            WHERE m.name = @ModelName AND NOT EXISTS (
                SELECT 1 FROM dbo.settings AS s WHERE s.name = N'serve' AND s.value NOT IN (N'champion', N'newest')));
    ELSE
        SET @ClassifierId = (SELECT classifier_id FROM dbo.classifiers WHERE name = @ModelName AND version = @Version);
    IF @ClassifierId IS NOT NULL
        RETURN 0;

    SET @Serve = (SELECT value FROM dbo.settings WHERE name = N'serve');
    IF @Version IS NULL AND @Serve NOT IN (N'champion', N'newest')
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The setting serve is ''', @Serve, N''', so that it is not known which version the name ''',
            @ModelName, N''' stands for. Set it in dbo.settings to champion or newest, or give a version.'), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    SET @Versions = (SELECT CONCAT(MIN(version), N' to ', MAX(version)) FROM dbo.classifiers WHERE name = @ModelName HAVING COUNT(*) > 0);
    SET @Names = LEFT(COALESCE((
        SELECT STRING_AGG(CAST(c.name AS NVARCHAR(MAX)), N', ') FROM (SELECT DISTINCT name FROM dbo.classifiers) AS c), N'none'), 1000);
    IF @Versions IS NOT NULL
        SET @Message = CONCAT(N'The model ''', @ModelName, N''' has no version ', @Version, N'. Its versions run from ', @Versions,
            N'; see dbo.classifiers.');
    ELSE
        SET @Message = CONCAT(N'No trained model is named ', COALESCE(N'''' + @ModelName + N'''', N'NULL'), N'. Models that are there: ',
            @Names, N'. Train one with TrainLungCancerModel.');
    SET @Message = REPLACE(@Message, N'%', N'%%');
    THROW 50108, @Message, 1;
END;
