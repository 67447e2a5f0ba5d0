-- CheckTask: refuses to store a version of another task than the other versions of its name have, so that a name has one task.
-- Called by TrainModel, StoreExperiment and every other procedure that stores a version.
CREATE OR ALTER PROCEDURE internal.CheckTask
    @ModelName NVARCHAR(128),  -- name of the model
    @Task VARCHAR(14)          -- classification or regression
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    SELECT TOP (1) @Message = REPLACE(CONCAT(N'The model ''', name, N''' version ', version, N' is of the task ', task,
        N', and a name has one task, so that no version of the task ', @Task, N' can be stored under it. Give another name.'), N'%', N'%%')
    FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK)
    WHERE name = @ModelName AND task <> @Task
    ORDER BY version;
    IF @Message IS NOT NULL
        THROW 50311, @Message, 1;
END;
