-- OuterApply: a procedure that a gate refuses.
-- Example: EXECUTE dbo.OuterApply;
CREATE OR ALTER PROCEDURE dbo.OuterApply
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.OuterApply;';
    SELECT p.scan_id, v.[key]
    FROM dbo.pooled_features AS p
    OUTER APPLY OPENJSON(p.vector) AS v;
END;
