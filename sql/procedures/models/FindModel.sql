-- FindModel: says which version a model's name stands for.
-- Example: EXECUTE dbo.FindModel @ModelName = N'lightgbm_sql';
CREATE OR ALTER PROCEDURE dbo.FindModel
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Version INT = NULL,                        -- its version; NULL means the one served, see dbo.model_status
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.FindModel says which version a model''s name stands for, as every procedure that is given a name reads it:
the version asked for, else the one that dbo.model_status shows as served. It returns a row: classifier_id of dbo.classifiers,
name, version, and whether that version is the champion. A name or version that is not there is refused, with those that are.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Version INT = NULL                         its version; NULL means the one served, see dbo.model_status
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.FindModel;
    EXECUTE dbo.FindModel @ModelName = N''lightgbm_sql'', @Version = 2;';
        RETURN 0;
    END;

    DECLARE @ClassifierId INT;
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    SELECT c.classifier_id, c.name, c.version, CAST(IIF(h.classifier_id IS NULL, 0, 1) AS BIT) AS is_champion
    FROM dbo.classifiers AS c
    LEFT JOIN dbo.champions AS h ON h.classifier_id = c.classifier_id
    WHERE c.classifier_id = @ClassifierId;
END;
