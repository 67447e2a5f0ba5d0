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
The promotion stays in dbo.model_promotions, marked with time and user. A promotion with no other before it cannot be undone,
because the name would stand for nothing that somebody chose: promote another version instead.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of the model
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.RollbackModel @ModelName = N''lightgbm_sql'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT, @Version INT;
    SET @Version = (SELECT MAX(version) FROM dbo.classifiers WHERE name = @ModelName);
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;

    UPDATE p
    SET p.rolled_back_at = SYSUTCDATETIME(),
        p.rolled_back_by = COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN())
    FROM dbo.model_promotions AS p WITH (UPDLOCK, HOLDLOCK)
    WHERE p.promotion_id = (SELECT ch.promotion_id FROM dbo.champions AS ch WHERE ch.name = @ModelName)
        AND EXISTS (
            SELECT 1 FROM dbo.model_promotions AS b WITH (UPDLOCK, HOLDLOCK)
            WHERE b.name = p.name AND b.rolled_back_at IS NULL AND b.promotion_id < p.promotion_id);
    IF @@ROWCOUNT = 0
    BEGIN
        SET @Message = CONCAT(N'The model ''', REPLACE(@ModelName, N'%', N'%%'), N''' has no champion',
            N' before version ' + (
                SELECT CAST(c.version AS NVARCHAR(12))
                FROM dbo.champions AS ch
                INNER JOIN dbo.classifiers AS c ON c.classifier_id = ch.classifier_id
                WHERE ch.name = @ModelName),
            N', so there is nothing to roll back to. PromoteModel makes another version the champion.');
        THROW 50142, @Message, 1;
    END;

    SELECT @Message = CONCAT(c.name, N' version ', c.version, N' is the champion again.',
        IIF(s.classifier_id <> c.classifier_id, CONCAT(N' Served is version ', s.version, N', because the setting serve is newest.'), N''))
    FROM dbo.champions AS ch
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = ch.classifier_id
    INNER JOIN dbo.served_models AS s ON s.name = ch.name
    WHERE ch.name = @ModelName;
    RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
END;
