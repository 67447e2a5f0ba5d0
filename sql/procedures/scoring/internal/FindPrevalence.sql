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

    DECLARE @Message NVARCHAR(2000), @Setting NVARCHAR(400);
    IF EXISTS (SELECT 1 FROM dbo.classifiers WHERE classifier_id = @ClassifierId AND task = 'regression')
    BEGIN
        IF @Prevalence IS NULL
            RETURN 0;
        SET @Message = CONCAT(N'The value ', @Prevalence, N' for the parameter @Prevalence has no meaning with a model of the task ',
            N'regression, which predicts a number. Leave it out.');
    END;
    ELSE IF @Prevalence IS NULL
    BEGIN
        SET @Setting = (SELECT value FROM dbo.settings WHERE name = N'prevalence');
        SET @Prevalence = TRY_CAST(NULLIF(@Setting, N'') AS FLOAT);
        IF @Setting IS NOT NULL AND (@Prevalence IS NULL OR @Prevalence <= 0 OR @Prevalence >= 1)
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
