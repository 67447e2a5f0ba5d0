-- FindEnsembleMembers: fills #ensemble with the models that an ensemble is to have as members, and refuses what cannot be one.
-- Called by CreateEnsemble, whose table #ensemble it fills.
CREATE OR ALTER PROCEDURE internal.FindEnsembleMembers
    @ModelName NVARCHAR(128), -- name of the ensemble
    @Members NVARCHAR(MAX),   -- models as name:version with commas between
    @Seed INT                 -- 0 to 2147483647
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = N'', @Position INT = 0, @Given NVARCHAR(400), @Colon INT, @Name NVARCHAR(400), @Version INT,
        @ClassifierId INT;
    CREATE TABLE #named (position INT NOT NULL PRIMARY KEY, given NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL);
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'CreateEnsemble was called inside a transaction. ',
            N'It would hold its locks while Python runs: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;
    IF @ModelName IS NULL OR @ModelName = N''
        SET @Message = N'The parameter @ModelName is NULL or empty. Give the ensemble a name, such as ensemble_sql. ';
    IF @Seed IS NULL OR @Seed < 0
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@Seed AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Seed is not supported. Supported values are 0 to 2147483647. ');
    INSERT INTO #named (position, given)
    SELECT CAST(j.[key] AS INT), LEFT(LTRIM(RTRIM(j.[value])), 400)
    FROM OPENJSON(CONCAT(N'["', REPLACE(STRING_ESCAPE(COALESCE(@Members, N''), N'json'), N',', N'","'), N'"]')) AS j;
    IF @Message = N'' AND ((SELECT COUNT(*) FROM #named) < 2 OR EXISTS (SELECT 1 FROM #named WHERE given = N''))
        SET @Message = CONCAT(N'The parameter @Members is ', COALESCE(N'''' + LEFT(@Members, 400) + N'''', N'NULL'),
            N'. Give two models or more as name:version with commas between, such as lightgbm_sql:1, logistic:2.');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;

    WHILE @Position IS NOT NULL
    BEGIN
        -- What stands behind the last colon is the version where it is a number; names may have colons.
        SET @Given = (SELECT given FROM #named WHERE position = @Position);
        SET @Colon = CHARINDEX(N':', REVERSE(@Given));
        SET @Version = CASE WHEN @Colon > 1 THEN TRY_CAST(LTRIM(RIGHT(@Given, @Colon - 1)) AS INT) END;
        SET @Name = CASE WHEN @Version IS NULL THEN @Given ELSE RTRIM(LEFT(@Given, LEN(@Given) - @Colon)) END;
        IF @Name = @ModelName
            SET @Message = CONCAT(N'The ensemble ''', @ModelName,
                N''' names itself among its members. Give the ensemble another @ModelName, or leave that member out.');
        IF @Message <> N''
            BREAK;
        EXECUTE internal.FindClassifier @Name, @Version, @ClassifierId OUTPUT;
        IF EXISTS (SELECT 1 FROM #ensemble WHERE classifier_id = @ClassifierId)
            SET @Message = CONCAT(N'The model ''', @Name, N''' version ',
                (SELECT version FROM #ensemble WHERE classifier_id = @ClassifierId),
                N' is named twice in @Members. Name each model once.');
        IF EXISTS (SELECT 1 FROM dbo.classifiers WHERE classifier_id = @ClassifierId AND library = N'ensemble')
            SET @Message = CONCAT(N'The model ''', @Name, N''' version ',
                (SELECT version FROM dbo.classifiers WHERE classifier_id = @ClassifierId),
                N' is an ensemble itself, which no ensemble can have as a member. Name its members instead: ', (
                    SELECT STRING_AGG(CAST(CONCAT(c.name, N':', c.version) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY m.position)
                    FROM dbo.ensemble_members AS m
                    INNER JOIN dbo.classifiers AS c ON c.classifier_id = m.member_classifier_id
                    WHERE m.classifier_id = @ClassifierId), N'.');
        IF @Message <> N''
            BREAK;
        INSERT INTO #ensemble (position, classifier_id, name, version, library, feature_set_id, pooling, sha256, width, experiment_id)
        SELECT @Position, c.classifier_id, c.name, c.version, c.library, c.feature_set_id, c.pooling, c.sha256,
            COALESCE(CAST(JSON_VALUE(c.details, N'$.width') AS INT), 0),
            (SELECT MAX(e.experiment_id) FROM dbo.experiments AS e WHERE e.classifier_id = c.classifier_id)
        FROM dbo.classifiers AS c
        WHERE c.classifier_id = @ClassifierId;
        SET @Position = (SELECT MIN(position) FROM #named WHERE position > @Position);
    END;
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(LEFT(@Message, 1900), N'%', N'%%');
        THROW 50290, @Message, 1;
    END;
END;
