-- ExecutesAnyProcedure: a procedure that a gate refuses.
-- Example: EXECUTE dbo.ExecutesAnyProcedure;
CREATE OR ALTER PROCEDURE dbo.ExecutesAnyProcedure
    @Composed NVARCHAR(MAX) = NULL, -- whatever the caller writes; default nothing
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'@Composed and dbo.ExecutesAnyProcedure';
    EXECUTE @Composed;
    EXECUTE sp_execute_external_script
        @language = N'Python',
        @script = N'
def main(rows):
    from lungdb.procedures import check_installation
    return check_installation(rows)

rows = main(InputDataSet)
',
        @input_data_1 = N'SELECT 1 AS one;';
END;
