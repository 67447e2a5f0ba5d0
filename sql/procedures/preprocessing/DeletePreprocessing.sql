-- DeletePreprocessing: deletes a preprocessing that no features were made with, and the pictures that are kept of it.
-- Example: EXECUTE dbo.DeletePreprocessing @Name = N'soft';
CREATE OR ALTER PROCEDURE dbo.DeletePreprocessing
    @Name NVARCHAR(32) = NULL,  -- its name; needed
    @Help BIT = 0               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.DeletePreprocessing deletes a preprocessing and the pictures that are kept of it. It refuses while features were made
with it, and lungdb''s own: lung, seed and volume. Derived pictures stay: their lineage has the steps themselves.
Parameters:
    @Name NVARCHAR(32) = NULL  its name; needed
    @Help BIT = 0              1 prints this help and does nothing else
Example:
    EXECUTE dbo.DeletePreprocessing @Name = N''soft'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Sets NVARCHAR(1000);
    BEGIN TRANSACTION;
    IF NOT EXISTS (SELECT 1 FROM dbo.preprocessings WITH (UPDLOCK, HOLDLOCK) WHERE name = @Name)
        SELECT @Number = 50391, @Message = CONCAT(N'No preprocessing has the name ', COALESCE(N'''' + @Name + N'''', N'NULL'),
            N'. Those that are there: ', LEFT((
                SELECT STRING_AGG(CAST(name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY name) FROM dbo.preprocessings), 1000), N'.');
    SET @Sets = LEFT((
        SELECT STRING_AGG(CAST(CONCAT(feature_set_id, N' (layer ', layer, N')') AS NVARCHAR(MAX)), N', ')
            WITHIN GROUP (ORDER BY feature_set_id)
        FROM dbo.feature_sets WITH (UPDLOCK, HOLDLOCK)
        WHERE preprocessing = @Name), 1000);
    IF @Sets IS NOT NULL
        SELECT @Number = 50393, @Message = CONCAT(N'The preprocessing ''', @Name, N''' was used for the feature sets ', @Sets,
            N'. Delete these first with DeleteFeatures.');
    IF @Name IN (N'lung', N'seed', N'volume')
        SELECT @Number = 50393, @Message = CONCAT(N'The preprocessing ''', @Name, N''' is lungdb''s own and stays.');
    IF @Number IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;

    DELETE FROM dbo.prepared_scans WHERE preprocessing = @Name;
    DELETE FROM dbo.preparation_costs WHERE preprocessing = @Name;
    DELETE FROM dbo.preprocessings WHERE name = @Name;
    COMMIT TRANSACTION;
END;
