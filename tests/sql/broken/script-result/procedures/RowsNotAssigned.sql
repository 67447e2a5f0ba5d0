-- RowsNotAssigned: a procedure that a gate refuses.
-- Example: EXECUTE dbo.RowsNotAssigned;
CREATE OR ALTER PROCEDURE dbo.RowsNotAssigned
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.RowsNotAssigned;';
    DECLARE @Result TABLE (value FLOAT NULL);
    DECLARE @Factor FLOAT = 2, @Sum FLOAT, @ErrorNumber INT;
    INSERT INTO @Result (value)
    EXECUTE sp_execute_external_script
        @language = N'Python',
        @script = N'
def main(rows, factor):
    from lungdb.procedures import check_runtime
    return check_runtime(rows, factor)

Rows, Sum = main(InputDataSet, Factor)
',
        @input_data_1 = N'SELECT CAST(idx AS FLOAT) AS idx FROM dbo.patients;',
        @params = N'@Factor FLOAT, @Sum FLOAT OUTPUT',
        @Factor = @Factor, @Sum = @Sum OUTPUT;
END;
