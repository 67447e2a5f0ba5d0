-- RecordLook: records that somebody looked at figures of a version's test patients, which a report or a script has computed.
-- Example: EXECUTE dbo.RecordLook @ModelName = N'lightgbm_sql', @LookedWith = N'my notebook';
CREATE OR ALTER PROCEDURE dbo.RecordLook
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Version INT = NULL,                        -- version of the model; NULL means the one served, see dbo.model_status
    @LookedWith NVARCHAR(128) = NULL,           -- what computed the figures; needed
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RecordLook adds a row to dbo.test_looks: figures of a version''s test patients were computed after its training.
Whoever looks often and chooses by what is seen chooses by chance too, so dbo.model_versions and dbo.model_status show the count.
CompareModels, CompareFigures and WrongCases count by themselves; this is for reports and scripts that compute figures on their own.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Version INT = NULL                         version of the model; NULL means the one served, see dbo.model_status
    @LookedWith NVARCHAR(128) = NULL            what computed the figures; needed
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.RecordLook @ModelName = N''lightgbm_sql'', @LookedWith = N''my notebook'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT;
    IF @LookedWith IS NULL OR @LookedWith = N''
    BEGIN
        SET @Message = N'The parameter @LookedWith is NULL or empty. Say what computed the figures, such as my notebook.';
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    EXECUTE internal.CountLook @ClassifierId, @LookedWith;
END;
