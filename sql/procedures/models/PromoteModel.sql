-- PromoteModel: makes a version the champion of its name, unless it is worse than the present one on the same training patients, each
-- scored by a model that had not learnt from him.
-- Example: EXECUTE dbo.PromoteModel @ModelName = N'lightgbm_sql';
CREATE OR ALTER PROCEDURE dbo.PromoteModel
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of the model
    @Version INT = NULL,                        -- version to promote; NULL means the newest
    @Metric NVARCHAR(64) = NULL,                -- auc, average_precision, log_loss or brier; of a regression rmse or mae; NULL: the first
    @Force BIT = 0,                             -- 1 promotes a worse version or one that cannot be compared too, and records that
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.PromoteModel makes a version the champion of its name: what PredictLungCancer and PredictPatients use.
Both versions are compared on the out-of-fold scores of the training patients that both have: of models that had not seen them.
The test patients are not looked at, so that what they say of the champion stays true. A version that is worse is refused, and one
that cannot be compared too: trained without folds, on other patients, or elsewhere.
Every promotion is a row of dbo.model_promotions; RollbackModel undoes the newest.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of the model
    @Version INT = NULL                         version to promote; NULL means the newest
    @Metric NVARCHAR(64) = NULL                 auc, average_precision, log_loss or brier; of a regression rmse or mae; NULL: the first
    @Force BIT = 0                              1 promotes a worse version or one that cannot be compared too, and records that
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.PromoteModel;
    EXECUTE dbo.PromoteModel @ModelName = N''lightgbm_sql'', @Version = 2, @Metric = N''log_loss'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Number INT = 0, @ClassifierId INT, @Champion INT, @ChampionVersion INT, @LastPromotion INT,
        @Patients INT;
    DECLARE @Value FLOAT, @PreviousValue FLOAT, @IsWorse BIT, @Told NVARCHAR(30), @PreviousTold NVARCHAR(30);

    IF @Force IS NULL
    BEGIN
        SET @Message = N'The value NULL for the parameter @Force is not supported. Supported values are 0 and 1.';
        THROW 50101, @Message, 1;
    END;
    SET @Version = COALESCE(@Version, (SELECT MAX(version) FROM dbo.classifiers WHERE name = @ModelName));
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    SELECT @Champion = ch.classifier_id, @LastPromotion = ch.promotion_id, @ChampionVersion = c.version
    FROM dbo.champions AS ch
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = ch.classifier_id
    WHERE ch.name = @ModelName;
    IF @Champion = @ClassifierId
    BEGIN
        RAISERROR(N'%s version %d is the champion already.', 0, 1, @ModelName, @Version) WITH NOWAIT;
        RETURN 0;
    END;

    SET @Metric = COALESCE(@Metric, IIF(EXISTS (
        SELECT 1 FROM dbo.classifiers WHERE classifier_id = @ClassifierId AND task = 'regression'), N'rmse', N'auc'));
    CREATE TABLE #pairs (
        patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, label INT NOT NULL, a FLOAT NOT NULL, b FLOAT NOT NULL);
    DECLARE @Other INT = COALESCE(@Champion, @ClassifierId);
    EXECUTE internal.MeasurePairs @ClassifierId, @Other, @Metric, 0, @Patients OUTPUT, @Value OUTPUT, @PreviousValue OUTPUT;
    SET @IsWorse = IIF(@Metric IN (N'auc', N'average_precision'), IIF(@Value < @PreviousValue, 1, 0), IIF(@Value > @PreviousValue, 1, 0));
    IF @Champion IS NULL
        SET @PreviousValue = NULL;
    -- An error of a regression is in the unit of its numbers, which may be as small or large as they like.
    IF @Metric IN (N'rmse', N'mae')
        SELECT @Told = CAST(@Value AS NVARCHAR(30)), @PreviousTold = CAST(@PreviousValue AS NVARCHAR(30));
    ELSE
        SELECT @Told = LTRIM(STR(@Value, 20, 4)), @PreviousTold = LTRIM(STR(@PreviousValue, 20, 4));
    IF @Champion IS NOT NULL AND @Force = 0 AND (@Value IS NULL OR @PreviousValue IS NULL)
    BEGIN
        SET @Number = 50144;
        SET @Message = CONCAT(N'The versions ', @Version, N' and ', @ChampionVersion, N' (champion) of ''', @ModelName, N''' have ',
            @Patients, N' out-of-fold scores of training patients in common, on which ', @Metric, N' is not defined. ',
            N'Train the version with folds on patients of the champion''s, or promote it with @Force = 1.');
    END;
    ELSE IF @Champion IS NOT NULL AND @Force = 0 AND @IsWorse = 1
    BEGIN
        SET @Number = 50141;
        SET @Message = CONCAT(N'Version ', @Version, N' of ''', @ModelName, N''' has ', @Metric, N' ', @Told,
            N' and the champion, version ', @ChampionVersion, N', has ', @PreviousTold, N' on the same ', @Patients,
            N' out-of-fold scores of training patients. Keep the champion, or promote the version with @Force = 1.');
    END;
    IF @Number <> 0
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;

    INSERT INTO dbo.model_promotions (name, classifier_id, previous_classifier_id, metric, value, previous_value, forced)
    SELECT c.name, @ClassifierId, @Champion, LOWER(@Metric), @Value, @PreviousValue, @Force
    FROM dbo.classifiers AS c
    WHERE c.classifier_id = @ClassifierId AND COALESCE(@LastPromotion, 0) = COALESCE((
        SELECT MAX(p.promotion_id) FROM dbo.model_promotions AS p WITH (UPDLOCK, HOLDLOCK)
        WHERE p.name = @ModelName AND p.rolled_back_at IS NULL), 0);
    IF @@ROWCOUNT = 0
    BEGIN
        SET @Message = CONCAT(N'The champion of ''', REPLACE(@ModelName, N'%', N'%%'),
            N''' was changed by someone else meanwhile. See dbo.model_promotions and call PromoteModel again.');
        THROW 50146, @Message, 1;
    END;
    SET @Message = CONCAT(@ModelName, N' version ', @Version, N' is the champion now. ', @Metric, N' on out-of-fold scores: ',
        COALESCE(@Told, N'not defined'), N', before ', COALESCE(@PreviousTold, N'none'), N'.', (
            SELECT CONCAT(N' Served is version ', s.version, N', because the setting serve is newest.')
            FROM dbo.served_models AS s
            WHERE s.name = @ModelName AND s.classifier_id <> @ClassifierId));
    RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
END;
