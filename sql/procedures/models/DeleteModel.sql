-- DeleteModel: deletes a version of a model and its training run, unless predictions, promotions or ensembles refer to it.
-- Example: EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 1;
CREATE OR ALTER PROCEDURE dbo.DeleteModel
    @ModelName NVARCHAR(128) = NULL, -- name of the model; needed
    @Version INT = NULL,             -- version to delete; needed
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.DeleteModel deletes a version of a model with its training run, figures and curves.
It refuses while a prediction, a promotion, undone or not, or an ensemble refers to the version: what was scored stays explainable.
That the only version of a name is its champion is no obstacle: the name goes with it.
Parameters:
    @ModelName NVARCHAR(128) = NULL  name of the model; needed
    @Version INT = NULL              version to delete; needed
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.DeleteModel @ModelName = N''lightgbm_sql'', @Version = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT, @Predictions INT, @Promotions INT, @Others INT, @Ensembles NVARCHAR(1000);
    IF @ModelName IS NULL OR @Version IS NULL
    BEGIN
        SET @Message = CONCAT(N'The parameter ', IIF(@ModelName IS NULL, N'@ModelName', N'@Version'),
            N' is NULL. Give name and version of the model to delete; see dbo.classifiers.');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;

    BEGIN TRANSACTION;
    SET @Predictions = (SELECT COUNT(*) FROM dbo.predictions WITH (UPDLOCK, HOLDLOCK) WHERE classifier_id = @ClassifierId);
    SET @Promotions = (
        SELECT COUNT(*) FROM dbo.model_promotions WITH (UPDLOCK, HOLDLOCK)
        WHERE classifier_id = @ClassifierId OR previous_classifier_id = @ClassifierId);
    SET @Ensembles = (
        SELECT STRING_AGG(CAST(CONCAT(c.name, N' version ', c.version) AS NVARCHAR(MAX)), N', ')
        FROM dbo.ensemble_members AS m WITH (UPDLOCK, HOLDLOCK)
        INNER JOIN dbo.classifiers AS c ON c.classifier_id = m.classifier_id
        WHERE m.member_classifier_id = @ClassifierId);
    IF @Ensembles IS NOT NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'Version ', @Version, N' of ''', @ModelName,
            N''' cannot be deleted: it is a member of the ensemble ', @Ensembles, N'. Keep it, or delete that first.'), N'%', N'%%');
        THROW 50143, @Message, 1;
    END;
    SET @Others = (SELECT COUNT(*) FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK) WHERE name = @ModelName AND version <> @Version);
    -- What the name got by itself goes with its last version; nobody has chosen anything there.
    IF @Others = 0 AND @Predictions = 0
    BEGIN
        DELETE FROM dbo.model_promotions
        WHERE classifier_id = @ClassifierId AND metric IN (N'first version', N'migration', N'served before');
        SET @Promotions = @Promotions - @@ROWCOUNT;
    END;
    IF @Predictions > 0 OR @Promotions > 0
    BEGIN
        SET @Message = CONCAT(N'Version ', @Version, N' of ''', REPLACE(@ModelName, N'%', N'%%'), N''' cannot be deleted: ', @Predictions,
            N' predictions and ', @Promotions,
            N' promotions refer to it. Keep it, or delete those predictions first; promotions are kept for good.');
        THROW 50143, @Message, 1;
    END;
    DELETE FROM dbo.experiment_curves
    WHERE experiment_id IN (SELECT experiment_id FROM dbo.experiments WHERE classifier_id = @ClassifierId);
    DELETE FROM dbo.experiment_metrics
    WHERE experiment_id IN (SELECT experiment_id FROM dbo.experiments WHERE classifier_id = @ClassifierId);
    DELETE FROM dbo.experiment_patients
    WHERE experiment_id IN (SELECT experiment_id FROM dbo.experiments WHERE classifier_id = @ClassifierId);
    DELETE FROM dbo.experiments WHERE classifier_id = @ClassifierId;
    DELETE FROM dbo.ensemble_members WHERE classifier_id = @ClassifierId;
    EXECUTE internal.DeleteModelNodes @ClassifierId;
    EXECUTE internal.DeleteEvaluations @ClassifierId;
    DELETE FROM dbo.model_scope WHERE classifier_id = @ClassifierId;
    DELETE FROM dbo.model_scope_features WHERE classifier_id = @ClassifierId;
    DELETE FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    COMMIT TRANSACTION;
    RAISERROR(N'%s version %d is deleted.', 0, 1, @ModelName, @Version) WITH NOWAIT;
END;
