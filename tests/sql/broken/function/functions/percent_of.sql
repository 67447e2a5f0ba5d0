CREATE FUNCTION dbo.percent_of (@Part FLOAT, @Whole FLOAT)
RETURNS FLOAT
AS
BEGIN
    RETURN 100 * @Part / @Whole;
END;
