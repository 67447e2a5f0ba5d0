-- BadInputQuery: a procedure that a gate refuses.
-- Example: EXECUTE dbo.BadInputQuery;
CREATE OR ALTER PROCEDURE dbo.BadInputQuery
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.BadInputQuery;';
    DECLARE @Result TABLE (value FLOAT NULL);
    INSERT INTO @Result (value)
    EXECUTE sp_execute_external_script
        @language = N'Python',
        @script = N'
def main(rows):
    from lungdb.procedures import check_runtime
    return check_runtime(rows)

OutputDataSet = main(InputDataSet)
',
        @input_data_1 = N'SELECT idx FORM dbo.patients WHERE;';
END;
