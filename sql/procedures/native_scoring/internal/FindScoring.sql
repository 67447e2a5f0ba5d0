-- FindScoring: finds the model that a name means, as FindClassifier does, and refuses one that plain T-SQL cannot score.
-- Called by CheckModelSql and every procedure that scores with T-SQL alone.
CREATE OR ALTER PROCEDURE internal.FindScoring
    @ModelName NVARCHAR(128),  -- name of a model in dbo.classifiers
    @Version INT,              -- its version, or NULL for the one served
    @ClassifierId INT OUTPUT   -- the row found
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Found INT, @Trees INT, @Width INT, @Stored INT, @Difference FLOAT;
    DECLARE @Kept VARBINARY(32), @Digest VARBINARY(32), @Library NVARCHAR(32), @Needed INT;
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    SELECT @Found = version, @Library = library FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    SELECT @Trees = trees, @Width = width, @Kept = rows_sha256 FROM dbo.model_scoring WHERE classifier_id = @ClassifierId;
    -- The inputs of a network's first layer are as many as its features; the members of an ensemble need rows of their own.
    SET @Needed = CASE WHEN @Trees > 0 THEN @Trees ELSE @Width END;
    IF @Library = N'ensemble'
        SET @Needed = (SELECT COUNT(*) FROM dbo.ensemble_members WHERE classifier_id = @ClassifierId);
    SET @Stored = CASE
        WHEN @Trees > 0 THEN (SELECT COUNT(DISTINCT tree) FROM dbo.model_nodes WHERE classifier_id = @ClassifierId)
        WHEN @Library = N'network'
            THEN (SELECT inputs FROM dbo.dense_layers WHERE network = CONCAT(N'classifier/', @ClassifierId) AND layer = 0)
        WHEN @Library = N'ensemble' THEN (
            SELECT COUNT(*)
            FROM dbo.ensemble_members AS e
            INNER JOIN dbo.model_scoring AS s ON s.classifier_id = e.member_classifier_id
            WHERE e.classifier_id = @ClassifierId)
        ELSE (SELECT COUNT(*) FROM dbo.model_coefficients WHERE classifier_id = @ClassifierId) END;
    IF @Trees IS NULL OR @Needed = 0 OR COALESCE(@Stored, 0) <> @Needed
    BEGIN
        SET @Message = CONCAT(N'The model ''', @ModelName, N''' version ', @Found, N' has no nodes or coefficients that are whole',
            IIF(@Library = N'ensemble', N', or a member of it has none. ', N'. '),
            N'Call EXECUTE dbo.StoreModelNodes @ModelName = N''', @ModelName, N''', @Version = ', @Found,
            N'; where external scripts run, and bring it here with lungdb copy.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50150, @Message, 1;
    END;

    EXECUTE internal.DigestModelRows @ClassifierId, @Digest OUTPUT;
    IF @Kept IS NULL OR @Kept <> @Digest
    BEGIN
        SET @Message = CONCAT(N'The rows from which plain T-SQL scores the model ''', @ModelName, N''' version ', @Found,
            N' do not match their SHA-256, or have none. Call EXECUTE dbo.StoreModelNodes @ModelName = N''', @ModelName, N''', @Version = ',
            @Found, N'; where external scripts run, and bring it here with lungdb copy.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50105, @Message, 1;
    END;

    SET @Difference = (SELECT max_difference FROM dbo.model_checks WHERE classifier_id = @ClassifierId);
    IF @Difference IS NULL OR @Difference >= CAST(N'1e-6' AS FLOAT)
    BEGIN
        SET @Message = CONCAT(N'The model ''', @ModelName, N''' version ', @Found, N' scores ',
            COALESCE(CAST(@Difference AS NVARCHAR(30)), N'an unknown amount'),
            N' away from Python here, where 1e-6 is allowed. Score it with PredictPatients, or train it again, with another calibration.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50151, @Message, 1;
    END;
END;
