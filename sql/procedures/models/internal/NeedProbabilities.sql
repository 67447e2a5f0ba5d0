-- NeedProbabilities: refuses a model of the task regression where probabilities and classes are needed.
-- Called by WrongCases, RankScore, MeasurePairs and CheckScoreTask.
CREATE OR ALTER PROCEDURE internal.NeedProbabilities
    @ClassifierId INT,      -- the version
    @What NVARCHAR(400)     -- what needs them, as the beginning of a sentence
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    SELECT @Message = REPLACE(CONCAT(N'The model ''', name, N''' version ', version, N' is of the task ', task,
        N': it predicts a number and has neither probabilities nor classes. ', @What,
        N' models of the task classification. Take such a one; see dbo.model_versions.'), N'%', N'%%')
    FROM dbo.classifiers
    WHERE classifier_id = @ClassifierId AND task <> 'classification';
    IF @Message IS NOT NULL
        THROW 50312, @Message, 1;
END;
