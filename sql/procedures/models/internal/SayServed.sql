-- SayServed: says whether a version that was just stored is what its name stands for, and if not, what is and how to change that.
-- Called by TakeCopy and every other procedure that has stored a version, after its transaction.
CREATE OR ALTER PROCEDURE internal.SayServed
    @ClassifierId INT,   -- the version that was stored
    @RunId INT = NULL    -- row of dbo.runs
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Said NVARCHAR(2000);
    SELECT @Said = CONCAT(c.name, N' stands for version ', s.version, N', ', s.reason, N'.', IIF(s.classifier_id <> c.classifier_id,
        CONCAT(N' Version ', c.version, N' is scored with by @Version = ', c.version,
            N' only, until EXECUTE dbo.PromoteModel @ModelName = N''', REPLACE(c.name, N'''', N''''''), N''', @Version = ', c.version, N'; makes it the champion.'), N''))
    FROM dbo.classifiers AS c
    INNER JOIN dbo.model_status AS s ON s.name = c.name
    WHERE c.classifier_id = @ClassifierId;
    EXECUTE internal.ReportStep @RunId, @Said;
END;
