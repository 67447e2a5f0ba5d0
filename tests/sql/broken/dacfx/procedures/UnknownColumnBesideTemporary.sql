-- UnknownColumnBesideTemporary: a procedure that a gate refuses.
-- Example: EXECUTE dbo.UnknownColumnBesideTemporary;
CREATE OR ALTER PROCEDURE dbo.UnknownColumnBesideTemporary
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.UnknownColumnBesideTemporary;';
    CREATE TABLE #chunk (scan_id INT NOT NULL);
    SELECT s.colour FROM dbo.scans AS s INNER JOIN #chunk AS c ON c.scan_id = s.scan_id;
END;
