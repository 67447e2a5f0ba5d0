-- NewerGrammar: a procedure that a gate refuses.
-- Example: EXECUTE dbo.NewerGrammar;
CREATE OR ALTER PROCEDURE dbo.NewerGrammar
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.NewerGrammar;';
    SELECT GREATEST(1, 2) AS x, value FROM OPENJSON(N'[1]') WITH (value INT AS JSON_ARRAY);
END;
