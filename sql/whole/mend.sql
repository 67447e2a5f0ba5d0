-- Makes what #faults says can be made, each thing in a statement of its own, and keeps why one could not be.
DECLARE @Position INT = 0, @What NVARCHAR(400), @Fault NVARCHAR(200), @Statement NVARCHAR(MAX);
WHILE EXISTS (SELECT 1 FROM #faults WHERE position > @Position AND made_by IS NOT NULL)
BEGIN
    SELECT TOP (1) @Position = position, @What = what, @Fault = fault, @Statement = made_by
    FROM #faults
    WHERE position > @Position AND made_by IS NOT NULL
    ORDER BY position;
    BEGIN TRY
        EXECUTE (@Statement);
        PRINT CONCAT(CASE WHEN @Fault = N'is missing' THEN N'Made the ' ELSE N'Changed the ' END, @What, N'.');
    END TRY
    BEGIN CATCH
        INSERT INTO #reasons (what, reason) VALUES (@What, ERROR_MESSAGE());
    END CATCH;
END;
