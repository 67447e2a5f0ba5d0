-- Ends the installation with an error where something is still not as declared: by name, the first ten, each with why.
DECLARE @Count INT = (SELECT COUNT(*) FROM #faults), @Message NVARCHAR(2048);
IF @Count > 0
BEGIN
    SET @Message = (
        SELECT STRING_AGG(CAST(CONCAT(f.what, N' ', f.fault, CASE WHEN f.reason IS NOT NULL THEN N': ' END, LEFT(f.reason, 160))
            AS NVARCHAR(MAX)), N'; ') WITHIN GROUP (ORDER BY f.position)
        FROM (
            SELECT TOP (10) n.position, n.what, n.fault, (SELECT MAX(r.reason) FROM #reasons AS r WHERE r.what = n.what) AS reason
            FROM #faults AS n
            ORDER BY n.position
        ) AS f);
    SET @Message = CONCAT(N'The installation is not whole, and this could not be mended (', @Count, N'): ', LEFT(@Message, 1700),
        N'. Change the rows or the table so that it can be, or restore a backup, and install again; ',
        N'EXECUTE dbo.Doctor; gives the statements.');
    SET @Message = REPLACE(@Message, N'%', N'%%');
    THROW 50250, @Message, 1;
END;
