-- CheckTrials: refuses trials that are not numbered from 1 without a gap, or lack settings or one of the matrices.
-- Called by SearchModels, whose tables #trials and #matrices it reads.
CREATE OR ALTER PROCEDURE internal.CheckTrials
    @RunId INT -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    INSERT INTO #sent (place, part)
    SELECT ROW_NUMBER() OVER (ORDER BY candidate), 1 FROM #trials;
    INSERT INTO #came (place, part)
    SELECT t.candidate, CASE WHEN m.matrix IS NOT NULL AND ISJSON(t.parameters) = 1 THEN 1 ELSE 0 END
    FROM #trials AS t
    LEFT JOIN #matrices AS m ON m.matrix = t.matrix;
    EXECUTE internal.CheckRows N'trials', @RunId;
END;
