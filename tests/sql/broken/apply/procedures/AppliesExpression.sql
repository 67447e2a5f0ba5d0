-- AppliesExpression: a procedure that a gate refuses.
-- Example: EXECUTE dbo.AppliesExpression;
CREATE OR ALTER PROCEDURE dbo.AppliesExpression
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.AppliesExpression;';
    SELECT p.scan_id, v.[key]
    FROM dbo.pooled_features AS p
    CROSS APPLY OPENJSON(CONCAT(N'[', p.vector, N']')) AS v;
END;
