-- RollbackModel: undoes the newest promotion of a name, so that the champion before it is the champion again.
-- Example: EXECUTE dbo.RollbackModel @ModelName = N'lightgbm_sql';
CREATE OR ALTER PROCEDURE dbo.RollbackModel
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of the model
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RollbackModel undoes the newest promotion of a name, so that the champion before it is the champion again.
The promotion stays in dbo.model_promotions, marked with time and user. After the first promotion is undone the name has
no champion, and its newest version is used.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of the model
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.RollbackModel @ModelName = N''lightgbm_sql'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT;
    EXECUTE internal.FindClassifier @ModelName, NULL, @ClassifierId OUTPUT;

    UPDATE p
    SET p.rolled_back_at = SYSUTCDATETIME(),
        p.rolled_back_by = COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN())
    FROM dbo.model_promotions AS p WITH (UPDLOCK, HOLDLOCK)
    WHERE p.promotion_id = (SELECT ch.promotion_id FROM dbo.champions AS ch WHERE ch.name = @ModelName);
    IF @@ROWCOUNT = 0
    BEGIN
        SET @Message = CONCAT(N'The model ''', REPLACE(@ModelName, N'%', N'%%'),
            N''' has no champion, so there is nothing to roll back. PromoteModel makes a version the champion.');
        THROW 50142, @Message, 1;
    END;

    SET @Message = COALESCE(
        (SELECT CONCAT(c.name, N' version ', c.version, N' is the champion again.')
            FROM dbo.champions AS ch
            INNER JOIN dbo.classifiers AS c ON c.classifier_id = ch.classifier_id
            WHERE ch.name = @ModelName),
        CONCAT(@ModelName, N' has no champion any more; its newest version is used.'));
    RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
END;
