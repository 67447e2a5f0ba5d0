-- CheckScoreTask: refuses a @Task that there is not, and a model of another task than the one asked for.
-- Called by PredictLungCancer and PredictLungCancerSql.
CREATE OR ALTER PROCEDURE internal.CheckScoreTask
    @ClassifierId INT,      -- the version
    @Task NVARCHAR(32)      -- classification, regression, or NULL for a model of any task
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    SET @Task = LOWER(@Task);
    IF @Task NOT IN (N'classification', N'regression')
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The value ''', @Task, N''' for the parameter @Task is not supported. Supported are ',
            N'classification, regression and NULL for a model of any task.'), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    IF @Task = N'classification'
        EXECUTE internal.NeedProbabilities @ClassifierId, N'Asked for is a score of';
    IF @Task = N'regression'
        SELECT @Message = REPLACE(CONCAT(N'The model ''', name, N''' version ', version, N' is of the task ', task,
            N': it gives a probability and predicts no number. Asked for is a score of models of the task regression. ',
            N'Take such a one; see dbo.model_versions.'), N'%', N'%%')
        FROM dbo.classifiers
        WHERE classifier_id = @ClassifierId AND task <> 'regression';
    IF @Message IS NOT NULL
        THROW 50312, @Message, 1;
END;
