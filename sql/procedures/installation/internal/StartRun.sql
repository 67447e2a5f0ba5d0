-- StartRun: begins a row of dbo.runs, for whoever looks on from another connection.
-- Called by GenerateFeatures and every other procedure that reports how far it is, outside of a transaction.
CREATE OR ALTER PROCEDURE internal.StartRun
    @ProcedureName NVARCHAR(128), -- who begins
    @RunId INT OUTPUT             -- its row
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO dbo.runs (procedure_name) VALUES (@ProcedureName);
    SET @RunId = SCOPE_IDENTITY();
END;
