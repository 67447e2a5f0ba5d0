-- DrawNumbers: fills #numbers (number BIGINT, state BIGINT) with the states of the generator
-- state(n) = seed * 48271^(n + 1) modulo 2^31 - 1, which BIGINT holds exactly. Called by StartNetwork.
CREATE OR ALTER PROCEDURE internal.DrawNumbers
    @Seed INT,     -- 1 to 2147483646
    @Count BIGINT  -- how many numbers
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Modulus BIGINT = 2147483647, @Power BIGINT = 48271, @Made BIGINT = 1;
    DELETE FROM #numbers;
    INSERT INTO #numbers (number, state) VALUES (0, CAST(@Seed AS BIGINT) * @Power % @Modulus);

    -- Each turn doubles the numbers: @Power is 48271^@Made, which takes a state @Made numbers on.
    WHILE @Made < @Count
    BEGIN
        INSERT INTO #numbers (number, state)
        SELECT n.number + @Made, n.state * @Power % @Modulus
        FROM #numbers AS n
        WHERE n.number + @Made < @Count;
        SET @Made = @Made * 2;
        SET @Power = @Power * @Power % @Modulus;
    END;
END;
