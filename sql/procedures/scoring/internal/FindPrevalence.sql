-- FindPrevalence: settles the share of positives that scores are corrected to: the one given, else that of the site, else none. A model
-- that predicts a number has none.
-- Called by PredictLungCancer, PredictPatients and their counterparts in plain T-SQL.
CREATE OR ALTER PROCEDURE internal.FindPrevalence
    @Prevalence FLOAT OUTPUT, -- above 0 and below 1, or NULL for the setting prevalence; NULL comes back for no correction
    @ClassifierId INT = NULL  -- model that scores, or NULL for one of probabilities
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Setting NVARCHAR(400), @IsRegression BIT;
    SELECT @Setting = s.value, @IsRegression = CASE c.task WHEN 'regression' THEN 1 ELSE 0 END
    FROM (SELECT 1 AS one) AS o
    LEFT JOIN dbo.settings AS s ON s.name = N'prevalence'
    LEFT JOIN dbo.classifiers AS c ON c.classifier_id = @ClassifierId;
    IF @Prevalence IS NULL AND @Setting IS NULL
        RETURN 0;
    IF @Prevalence IS NULL AND @IsRegression = 1
        RETURN 0;
    IF @IsRegression = 1
        SET @Message = CONCAT(N'The value ', @Prevalence, N' for the parameter @Prevalence has no meaning with a model of the task ',
            N'regression, which predicts a number. Leave it out.');
    ELSE IF @Prevalence IS NULL
    BEGIN
        SET @Prevalence = TRY_CAST(NULLIF(@Setting, N'') AS FLOAT);
        IF @Prevalence IS NULL OR @Prevalence <= 0 OR @Prevalence >= 1
            SET @Message = CONCAT(N'The setting prevalence is ''', @Setting,
                N'''. Set it in dbo.settings to a share above 0 and below 1, such as 0.26, or to NULL for no correction.');
    END;
    ELSE IF @Prevalence <= 0 OR @Prevalence >= 1
        SET @Message = CONCAT(N'The value ', @Prevalence,
            N' for the parameter @Prevalence is not supported. Supported values are shares above 0 and below 1, such as 0.26, and NULL.');
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
END;
